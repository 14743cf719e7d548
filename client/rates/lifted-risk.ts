import { cauchyCombined } from './cauchy.ts';

/**
 * A place's risk once the rates of its workload are known too. risk: 0 as usual, which half of all places pass, 1 at the limit, which a
 * share `alertRate` passes; in between and beyond, the tail is taken for exponential, which makes a p-value of it. rateP: how
 * likely rates as unusual as its workload's are. Both are combined by the Cauchy test; usual rates excuse nothing: never below `risk`.
 */
export function liftedRisk(risk: number, rateP: number, alertRate: number): number {
  const steepness = Math.log(0.5 / alertRate);
  const own = 0.5 * Math.exp(-steepness * Math.max(0, risk));
  return Math.max(risk, Math.log(0.5 / cauchyCombined([own, Math.min(0.5, rateP)])) / steepness);
}
