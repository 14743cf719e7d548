import type { EpochMs } from '../../../base/time.ts';
import type { GateDecision, ShadowReport } from '../../ledger/journal/events.ts';
import type { GateState } from '../../ledger/state/releasing.ts';
import type { GatePolicy } from '../../round/policy.ts';

/** What operators see of the gate of one version. */
export type GateView = Readonly<{
  state: GateState;
  /** What the reports so far say by themselves: the decision that would be taken now. */
  now: Readonly<{ verdict: 'waiting' | 'promote' | 'hold' | 'reject'; reasons: readonly string[] }>;
  /** When silence becomes a hold. */
  deadlineMs: EpochMs | null;
  approvalsNeeded: number;
}>;

export type GateQuestion = Readonly<{
  gate: GateState;
  policy: GatePolicy;
  /** Clusters in good standing that are assigned to the canary channel. */
  canaries: readonly string[];
  stableVersion: number;
  nowMs: EpochMs;
}>;

export type GateAnswer = Readonly<{ verdict: GateDecision | 'waiting'; reasons: readonly string[] }>;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * What the reports say of a version in front of the gate; a pure function of them, the policy and the time. A report
 * counts when its cluster is a canary still, compared with what is stable now, and scored enough.
 *
 * promote: at least `clustersMin` clusters passed it and none failed it. reject: more than half of all canaries failed
 * it. hold: every canary has reported and some failed it, or time is over. So where there are two canaries or more, one
 * that lies can hold a version, and can neither reject nor promote it.
 */
export function decideGate({ gate, policy, canaries, stableVersion, nowMs }: GateQuestion): GateAnswer {
  const reports = Object.values(gate.reports).filter(({ cluster }) => canaries.includes(cluster));
  const counting = reports.filter(
    ({ liveVersion, scoredCount }) => liveVersion === stableVersion && scoredCount >= policy.scoredMin,
  );
  const failures = counting.flatMap((report) => {
    const reasons = failuresOf(report, policy);
    return reasons.length === 0 ? [] : [{ cluster: report.cluster, reasons }];
  });
  const reasons = failures.flatMap((failure) => failure.reasons.map((reason) => `${failure.cluster}: ${reason}`));
  const passedCount = counting.length - failures.length;
  if (failures.length > 0 && failures.length * 2 > canaries.length) return { verdict: 'reject', reasons };
  if (failures.length === 0 && passedCount >= policy.clustersMin) return { verdict: 'promote', reasons: [] };

  const missing = `REPORTS_MISSING: ${passedCount} of at least ${policy.clustersMin} canary clusters passed it`;
  const unheard = reports.length < canaries.length ? `; ${canaries.length - reports.length} have not reported` : '';
  const over = nowMs >= deadlineOf(gate, policy);
  const heardAll = failures.length > 0 && counting.length === canaries.length;
  if (!over && !heardAll) return { verdict: 'waiting', reasons: [...reasons, missing + unheard] };
  return { verdict: 'hold', reasons: failures.length > 0 ? reasons : [missing + unheard] };
}

export function deadlineOf({ openedAtMs }: GateState, { hoursMax }: GatePolicy): EpochMs {
  return openedAtMs + hoursMax * hourMs;
}

/** Everything that one cluster's report has against the version in shadow. */
function failuresOf(report: ShadowReport, policy: GatePolicy): readonly string[] {
  const reasons: string[] = [];
  const agreement = report.agreedCount / report.scoredCount;
  if (agreement < policy.agreementMin) {
    reasons.push(`AGREEMENT_LOW: ${share(agreement)} judged alike, at least ${share(policy.agreementMin)} wanted`);
  }
  for (const { attackClass, caseCount, shadowFoundCount, liveFoundCount } of report.recalls) {
    if (caseCount === 0) continue;
    const drop = (liveFoundCount - shadowFoundCount) / caseCount;
    if (drop > policy.recallDropMax) {
      const counts = `${shadowFoundCount} of ${caseCount} cases found, ${liveFoundCount} by the live version`;
      reasons.push(`RECALL_FELL: ${attackClass}: ${counts}; it may fall by ${share(policy.recallDropMax)}`);
    }
  }
  const budget = policy.alertsPerDayMax * Math.max(1, report.durationMs / dayMs);
  if (report.shadowAlertCount > budget) {
    reasons.push(`ALERTS_MANY: ${report.shadowAlertCount} alarms, at most ${Math.floor(budget)} in this time`);
  }
  const { falsePositivesMax, latencyFactorMax } = policy;
  const rise = report.shadowFalsePositiveCount - report.liveFalsePositiveCount;
  if (falsePositivesMax !== undefined && rise > falsePositivesMax) {
    const counts = `${report.shadowFalsePositiveCount} of ${report.falsePositiveCaseCount} cases`;
    const live = `${report.liveFalsePositiveCount} by the live version`;
    reasons.push(`FALSE_POSITIVES_ROSE: ${counts} alarmed on, ${live}; ${falsePositivesMax} more are let through`);
  }
  // Times are whole microseconds: below one there is nothing to multiply.
  const latencyMaxUs = (latencyFactorMax ?? Number.POSITIVE_INFINITY) * Math.max(1, report.liveLatencyUs);
  if (report.shadowLatencyUs > latencyMaxUs) {
    const times = `${report.shadowLatencyUs} µs each, the live version takes ${report.liveLatencyUs}`;
    reasons.push(`LATENCY_ROSE: ${times}; ${latencyFactorMax} times that is let through`);
  }
  return reasons;
}

function share(value: number): string {
  return `${Number((value * 100).toFixed(2))} %`;
}
