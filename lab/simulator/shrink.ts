import type { Plan } from './plan.ts';
import { type Outcome, simulate } from './simulation.ts';

export type Shrunk = Readonly<{ plan: Plan; outcome: Outcome; runs: number }>;

/**
 * The same broken rule with fewer deeds: halves are left out, then quarters, down to single ones, as long as what is left
 * still breaks it (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). Undefined where the
 * plan breaks nothing.
 */
export async function shrink(plan: Plan): Promise<Shrunk | undefined> {
  let best = await simulate(plan);
  const name = best.violation?.name;
  if (name === undefined) return undefined;
  let { deeds } = plan;
  let runs = 1;
  for (let size = Math.ceil(deeds.length / 2); deeds.length > 0; ) {
    let isShorter = false;
    for (let from = 0; from < deeds.length; from += size) {
      const without = deeds.slice(0, from).concat(deeds.slice(from + size));
      const outcome = await simulate({ ...plan, deeds: without });
      runs += 1;
      if (outcome.violation?.name !== name) continue;
      deeds = without;
      best = outcome;
      isShorter = true;
      break;
    }
    if (isShorter) size = Math.min(size, Math.max(1, deeds.length));
    else if (size === 1) break;
    else size = Math.ceil(size / 2);
  }
  return { plan: { ...plan, deeds }, outcome: best, runs };
}
