import { cauchyCombined } from './cauchy.ts';

/**
 * From which p-value on rates say nothing: of many rates some are always a little unusual, and would lift what is usual. Below 0.05
 * alone, which helps edges more, guesses of passwords were found less well in traces.
 */
const unusualP = 0.2;

/**
 * A place's risk once the rates of its workload are known too. risk: 0 as usual, which half of all places pass, 1 at the limit, which a
 * share `alertRate` passes; in between and beyond, the tail is taken for exponential, which makes a p-value of it. rateP: how
 * likely rates as unusual as its workload's are; below 0.2 both are combined by the Cauchy test. Usual rates excuse nothing: never below `risk`.
 */
export function liftedRisk(risk: number, rateP: number, alertRate: number): number {
  if (rateP >= unusualP) return risk;
  const steepness = Math.log(0.5 / alertRate);
  const own = 0.5 * Math.exp(-steepness * Math.max(0, risk));
  return Math.max(risk, Math.log(0.5 / cauchyCombined([own, Math.min(0.5, rateP)])) / steepness);
}
