import { cauchyCombined } from './cauchy.ts';

/**
 * From which p-value on rates say nothing: of many rates some are always a little unusual, and would lift what is usual. Below 0.05
 * alone, which helps edges more, guesses of passwords were found less well in traces.
 */
const unusualP = 0.2;

/**
 * A place's risk once the rates of its workload are known too. risk: 0 as usual, which half of all places pass, 1 at the limit, which a
 * share `passedBy` passes, in between and beyond an exponential tail: that makes a p-value of it. rateP: how likely rates as unusual as
 * its workload's are; below 0.2 both are combined by the Cauchy test. Usual rates excuse nothing: never below `risk`.
 *
 * alertRate: the share that may pass the limit. Few scores make a limit that more of them pass; until scores and rates together are as rare
 * as `alertRate` they bring a place up to it and no further.
 */
export function liftedRisk(risk: number, rateP: number, alertRate: number, passedBy = alertRate): number {
  if (rateP >= unusualP) return risk;
  const nats = Math.max(Math.LN2, Math.log(0.5 / passedBy));
  const own = 0.5 * Math.exp(-nats * Math.max(0, risk));
  const p = cauchyCombined([own, Math.min(0.5, rateP)]);
  const lifted = p > alertRate ? Math.min(1, Math.log(0.5 / p) / nats) : 1 + Math.log(alertRate / p) / nats;
  return Math.max(risk, lifted);
}
