import type { EvidenceDemand } from '../../../proto/response-policy.ts';

const dayMs = 86_400_000;
/** More alerts than this of one pod in one window mean that the policy asks for what no detector gives. */
const neededMax = 10_000;

/**
 * How many independent alerts of one pod within the window are enough: the least number, at least the policy's, at which
 * false alarms alone bring so few pods a day to an action as the policy allows. False alarms are taken for a Poisson
 * process of `falseAlertsPerPodDay` for each pod: in a day `pods · r` of them come, and each has k − 1 or more others in the
 * window before it with P(Poisson(r·w) ≥ k − 1); the product is the number of actions that they cause.
 */
export function alertsNeeded(demand: EvidenceDemand, pods: number): number {
  let needed = demand.alertsMin;
  while (needed < neededMax && falseActionsPerDay(demand, pods, needed) > demand.falseActionsPerDay) needed += 1;
  return needed;
}

/** Pods a day that false alarms bring to `needed` alerts within the window, on average; an upper bound. */
export function falseActionsPerDay(
  { falseAlertsPerPodDay, windowMs }: Pick<EvidenceDemand, 'falseAlertsPerPodDay' | 'windowMs'>,
  pods: number,
  needed: number,
): number {
  return pods * falseAlertsPerPodDay * poissonTail((falseAlertsPerPodDay * windowMs) / dayMs, needed - 1);
}

/** P(X ≥ k) of a Poisson variable of that mean. */
function poissonTail(mean: number, k: number): number {
  if (k <= 0) return 1;
  let logTerm = -mean;
  for (let at = 1; at <= k; at += 1) logTerm += Math.log(mean) - Math.log(at);
  let tail = 0;
  let term = Math.exp(logTerm);
  // Above the mean each term is smaller than the one before by a factor that falls: the rest is soon nothing.
  for (let at = k; at < k + 1_000 + 10 * mean; at += 1) {
    tail += term;
    term *= mean / (at + 1);
    if (at > mean && term < tail * 1e-17) break;
  }
  return Math.min(1, tail);
}
