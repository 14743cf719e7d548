/** Many simulated histories, one after the other: what was done in them, what went wrong, and on which faults. */

import { quarantineHistory } from '../../client/response/simulation/quarantine-history.ts';
import { runHistory } from '../../client/response/simulation/rotation-history.ts';

/** `seed`: the histories are those of the seeds after it. */
type Wanted = Readonly<{ count: number; seed: number }>;

const lies =
  'an API server that lies (three kinds of 429, a 201 with a failure in it, 401, 403, 410, half bodies, 500 for what was done, broken connections)';

async function each(
  { count, seed }: Wanted,
  run: (seed: number) => Promise<readonly string[]>,
): Promise<Readonly<{ histories: number; wrong: string[] }>> {
  const wrong: string[] = [];
  let histories = 0;
  for (; histories < count; histories += 1) {
    const of = seed + histories + 1;
    for (const one of await run(of)) wrong.push(`seed ${of}: ${one}`);
    if ((histories + 1) % 1_000 === 0) console.log(`${histories + 1} histories, ${wrong.length} broken promises`);
  }
  return { histories, wrong };
}

/** Of rotation: 80 simulated minutes each, with a bound of 60. */
export async function rotationHistories(wanted: Wanted) {
  const total = { rotations: 0, putBack: 0 };
  const over = new Map<string, number>();
  const { histories, wrong } = await each(wanted, async (seed) => {
    const { rotations, putBack, overBound, violations } = await runHistory({ seed, hours: 1.3 });
    total.rotations += rotations.surge + rotations.evict;
    total.putBack += putBack;
    for (const [reason, count] of overBound) over.set(reason, (over.get(reason) ?? 0) + count);
    return violations;
  });
  const faults =
    `agents that are killed, two agents whose loops stand still, watches that are cut, ${lies}, rollouts, budgets, quotas, ` +
    'replacements that never are ready, cordoned nodes, crashed pods, scaling';
  return { histories, wrong, ...total, overBound: Object.fromEntries(over), faults };
}

/** Of quarantine: thirty suspects each, or fewer. */
export async function quarantineHistories(wanted: Wanted) {
  const total = { marked: 0, spent: 0 };
  const { histories, wrong } = await each(wanted, async (seed) => {
    const { marked, spent, wrong: found } = await quarantineHistory(seed);
    total.marked += marked;
    total.spent += spent;
    return found;
  });
  return { histories, wrong, ...total, faults: `agents that are killed, watches that are cut, ${lies}` };
}
