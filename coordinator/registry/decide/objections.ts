import type { ShadowReport } from '../../ledger/journal/events.ts';
import { type GatePolicy, recallWornStepsDefault } from '../../round/policy.ts';
import type { ReportedBefore } from './reported-before.ts';

const dayMs = 24 * 60 * 60_000;

/** No cluster scores more: 10 million traces or slices a second. */
const ratePerMsMax = 10_000;
/** How many times what it reported before a cluster may claim to score. */
const rateGrowthMax = 10;

/** What a report claims that cannot be: more time than the gate is open, more traces than its cluster ever scored. */
export function impossibleIn(
  { durationMs, scoredCount }: ShadowReport,
  openMs: number,
  known: ReportedBefore | undefined,
): readonly string[] {
  if (durationMs > openMs) {
    return [`CLAIM_IMPOSSIBLE: ran for ${durationMs} ms, and the gate has been open for ${openMs}`];
  }
  const before = known?.ratePerMs;
  const ratePerMs = before === undefined ? ratePerMsMax : Math.min(ratePerMsMax, rateGrowthMax * before);
  if (scoredCount <= ratePerMs * Math.max(1, durationMs)) return [];
  const most = before === undefined ? '10 million a second' : `${rateGrowthMax} times what it ever reported`;
  return [`CLAIM_IMPOSSIBLE: ${scoredCount} scored in ${durationMs} ms, more than ${most}`];
}

/** Everything that one cluster's report has against the version in shadow. */
export function failuresOf(
  report: ShadowReport,
  policy: GatePolicy,
  known: ReportedBefore | undefined,
): readonly string[] {
  const reasons: string[] = [];
  const agreement = report.agreedCount / report.scoredCount;
  if (agreement < policy.agreementMin) {
    reasons.push(`AGREEMENT_LOW: ${share(agreement)} judged alike, at least ${share(policy.agreementMin)} wanted`);
  }
  for (const recall of report.recalls) reasons.push(...recallFailures(recall, policy, known));
  const byTime = policy.alertsPerDayMax * Math.max(1, report.durationMs / dayMs);
  const byTraffic = (policy.alertShareMax ?? 0) * report.scoredCount;
  const budget = Math.floor(Math.max(byTime, byTraffic));
  if (report.shadowAlertCount > budget) {
    const allowed = byTraffic > byTime ? `of ${report.scoredCount} scored` : 'in this time';
    reasons.push(`ALERTS_MANY: ${report.shadowAlertCount} alarms, at most ${budget} ${allowed}`);
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

/**
 * What one class of known attacks has against the version: one step may not lose much to what is stable, nor many steps
 * to the best that was. Steps that each stay below the first limit would otherwise wear a class down to nothing.
 */
function recallFailures(
  recall: ShadowReport['recalls'][number],
  { recallDropMax, recallWornMax = recallWornStepsDefault * recallDropMax }: GatePolicy,
  known: ReportedBefore | undefined,
): readonly string[] {
  const { attackClass, caseCount, shadowFoundCount, liveFoundCount } = recall;
  if (caseCount === 0) return [];
  const found = `${attackClass}: ${shadowFoundCount} of ${caseCount} cases found`;
  if ((liveFoundCount - shadowFoundCount) / caseCount > recallDropMax) {
    const allowed = `it may fall by ${share(recallDropMax)}`;
    return [`RECALL_FELL: ${found}, ${liveFoundCount} by the live version; ${allowed}`];
  }
  const best = known?.bestFound(recall);
  if (best === undefined || (best.foundCount - shadowFoundCount) / caseCount <= recallWornMax) return [];
  const allowed = `by and by it may fall by ${share(recallWornMax)}`;
  return [`RECALL_WORN: ${found}, ${best.foundCount} by version ${best.version}, which was live; ${allowed}`];
}

function share(value: number): string {
  return `${Number((value * 100).toFixed(2))} %`;
}
