import { honestCount } from './found.ts';
import { type Plan, planOf } from './plan.ts';
import { shrink } from './shrink.ts';
import { type Outcome, simulate } from './simulation.ts';

export type RunOptions = Readonly<{ from: number; to: number; step: number; untilBroken: boolean }>;

/** What one seed plans. */
function planFor(seed: number): Plan {
  return planOf(seed, honestCount);
}

/** One seed with its whole history, and what it shrinks to where a rule was broken. */
export async function show(seed: number, write: (line: string) => void): Promise<Outcome> {
  const outcome = await simulate(planFor(seed), true);
  for (const line of outcome.lines) write(line);
  write(`digest ${outcome.digest}`);
  if (outcome.violation === undefined) return outcome;
  write(`BROKEN ${outcome.violation.name}: ${outcome.violation.detail}`);
  const shrunk = await shrink(planFor(seed));
  if (shrunk === undefined) return outcome;
  write(`\nThe same with ${shrunk.plan.deeds.length} of ${planFor(seed).deeds.length} deeds:`);
  for (const line of (await simulate(shrunk.plan, true)).lines) write(line);
  return outcome;
}

/** Every seed of a range: one line for each that breaks a rule, then a sum. */
export async function runMany(
  { from, to, step, untilBroken }: RunOptions,
  write: (line: string) => void,
): Promise<number> {
  let [broken, acts, candidates, seeds] = [0, 0, 0, 0];
  const done: Record<string, number> = {};
  for (let seed = from; seed <= to; seed += Math.max(1, step)) {
    const outcome = await simulate(planFor(seed));
    seeds += 1;
    acts += outcome.acts;
    candidates += outcome.candidates;
    for (const [kind, count] of Object.entries(outcome.done)) done[kind] = (done[kind] ?? 0) + count;
    if (outcome.violation === undefined) continue;
    broken += 1;
    write(JSON.stringify({ seed, name: outcome.violation.name, detail: outcome.violation.detail.slice(0, 2_000) }));
    if (untilBroken) break;
  }
  write(JSON.stringify({ seeds, broken, acts, candidates, done }));
  return broken;
}
