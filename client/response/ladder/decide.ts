import type { Fault, Result } from '../../../base/fault.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { levelOf, type ResponseLevel, type ResponsePolicy, weaker } from '../../../proto/response-policy.ts';
import type { Breaker } from './breaker.ts';
import { type BudgetGone, budgetGone, type Spent } from './budget.ts';
import { alertsNeeded } from './false-alarms.ts';
import { independent, type Sighting } from './sighting.ts';

/** What the ladder knows when it decides on one pod. */
export type Situation = Readonly<{
  cluster: ClusterId;
  namespace: string;
  workload: string;
  /** Of this pod alone. */
  sightings: readonly Sighting[];
  policy: Result<ResponsePolicy, string>;
  /** What this cluster's own configuration allows at most. */
  cap: ResponseLevel;
  breaker: Breaker;
  spent: readonly Spent[];
  /** Of the whole cluster, those that alerts can be of. */
  pods: number;
  /** An operator approved this very action. */
  isApproved: boolean;
}>;

/** Why nothing is done, though there are alerts enough. */
export type HeldBack = Readonly<
  | { because: 'POLICY'; fault: Fault }
  | { because: 'BREAKER'; why: string }
  | { because: 'OBSERVE' }
  | { because: 'BUDGET'; gone: BudgetGone }
>;

export type Decision = Readonly<
  | { kind: 'quiet'; alerts: number; needed: number }
  | { kind: 'held'; back: HeldBack }
  /** `untilMs`: if no others come, its alerts are enough until then. */
  | { kind: 'ask'; alerts: readonly Sighting[]; untilMs: number }
  | { kind: 'enforce'; alerts: readonly Sighting[] }
>;

/**
 * The ladder. Without a policy in force nothing is done; below the number of alerts that it wants nothing is asked; a
 * breaker that is open, a budget that is spent and a level of `observe` hold back whoever approved it.
 */
export function decide(situation: Situation, nowMs: number): Decision {
  const { policy, cap, breaker, spent, pods, isApproved, ...whom } = situation;
  if (!policy.ok) {
    if (situation.sightings.length === 0) return { kind: 'quiet', alerts: 0, needed: 1 };
    return { kind: 'held', back: { because: 'POLICY', fault: policy.fault } };
  }
  const { evidence, budgets } = policy.value;
  const alerts = independent(situation.sightings, evidence.windowMs, nowMs);
  const needed = alertsNeeded(evidence, pods);
  // What an operator has looked at and approved may have left the window since.
  if (alerts.length < needed && !isApproved) return { kind: 'quiet', alerts: alerts.length, needed };
  if (breaker.open !== null) return { kind: 'held', back: { because: 'BREAKER', why: breaker.open.why } };
  const level = weaker(cap, levelOf(policy.value, whom));
  if (level === 'observe') return { kind: 'held', back: { because: 'OBSERVE' } };
  const gone = budgetGone(spent, budgets, whom, nowMs);
  if (gone !== undefined) return { kind: 'held', back: { because: 'BUDGET', gone } };
  if (level === 'enforce' || isApproved) return { kind: 'enforce', alerts };
  const lastNeeded = alerts[alerts.length - needed]?.atMs ?? nowMs;
  return { kind: 'ask', alerts, untilMs: Math.min(lastNeeded + evidence.windowMs, policy.value.expiresAtMs) };
}

/** The same for people, with what helps. */
export function heldText(back: HeldBack): string {
  switch (back.because) {
    case 'POLICY':
      return `${back.fault.code}: ${back.fault.message}`;
    case 'BREAKER':
      return `the breaker is open: ${back.why}; testudo quarantine resume -d FOLDER -r WHY`;
    case 'OBSERVE':
      return 'only observed here, by the response policy or by quarantine.cap';
    case 'BUDGET': {
      const { scope, span, max, untilMs } = back.gone;
      const until = Number.isFinite(untilMs) ? `, until ${new Date(untilMs).toISOString()}` : '';
      return `${max} quarantine(s) of this ${scope} in a ${span} are spent${until}`;
    }
  }
}
