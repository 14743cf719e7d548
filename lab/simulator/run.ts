import { honestCount } from './found.ts';
import { type Plan, planOf } from './plan.ts';
import { shrink } from './shrink.ts';
import { type Outcome, simulate } from './simulation.ts';
import { added, nothing, type Sum } from './sum.ts';

/** Seeds from one to another, each `step`-th of them. */
export type Days = Readonly<{ from: number; to: number; step: number }>;

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

/** Every seed of a range: one line for each that breaks a rule. */
export async function runDays(
  { from, to, step, untilBroken = false }: Days & Readonly<{ untilBroken?: boolean }>,
  write: (line: string) => void,
): Promise<Sum> {
  let sum: Sum = nothing;
  for (let seed = from; seed <= to; seed += step) {
    const { acts, candidates, done, violation } = await simulate(planFor(seed));
    sum = added(sum, { seeds: 1, broken: violation === undefined ? 0 : 1, acts, candidates, done });
    if (violation === undefined) continue;
    write(JSON.stringify({ seed, name: violation.name, detail: violation.detail.slice(0, 2_000) }));
    if (untilBroken) break;
  }
  return sum;
}
