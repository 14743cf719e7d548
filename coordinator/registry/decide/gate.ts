import type { EpochMs } from '../../../base/time.ts';
import type { GateDecision, ShadowReport } from '../../ledger/journal/events.ts';
import type { GateState } from '../../ledger/state/releasing.ts';
import { type GatePolicy, gateMinutesMinDefault } from '../../round/policy.ts';
import { failuresOf, impossibleIn } from './objections.ts';
import type { ReportedBefore } from './reported-before.ts';

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
  /** How many clusters of the track may lie: the aggregation policy's f. */
  f: number;
  /** Clusters in good standing that are assigned to the canary channel. */
  canaries: readonly string[];
  stableVersion: number;
  /** Clusters in good standing, canaries or not, whose response agents' breakers this version opened and nobody closed. */
  breakers: readonly string[];
  /** By cluster, what it said in front of other gates. */
  before: ReadonlyMap<string, ReportedBefore>;
  nowMs: EpochMs;
}>;

export type GateAnswer = Readonly<{ verdict: GateDecision | 'waiting'; reasons: readonly string[] }>;

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/**
 * What the reports say of a version in front of the gate; a pure function of them, the policy and the time. A report
 * counts when its cluster is a canary still, compared with what is stable now, scored enough, and claims nothing that
 * cannot be (`impossible`).
 *
 * promote: `passesNeeded` clusters passed it, none failed it, and `minutesMin` are over. reject: more than f, and more
 * than half of all canaries, failed it. hold: every canary has reported and some failed it, or time is over. So f clusters
 * that lie together can hold a version, and can neither promote nor reject it. Breakers that it opened in more than
 * `breakersMax` clusters (f unless the policy says otherwise) keep it from being promoted while they are open: so many may
 * lie, and stop nothing.
 */
export function decideGate(question: GateQuestion): GateAnswer {
  const { gate, policy, f, canaries, nowMs } = question;
  const { counting, failures, impossible, heardCount } = weigh(question);
  const reasons = [...failures, ...impossible].flatMap(({ cluster, reasons: against }) =>
    against.map((reason) => `${cluster}: ${reason}`),
  );
  const passedCount = counting.length - failures.length;
  const needed = passesNeeded(policy, f, canaries.length);
  if (outweighs(failures.length, f, canaries.length)) return { verdict: 'reject', reasons };
  const ripe = nowMs >= ripeOf(gate, policy);
  const breakers = breakerReasons(question);
  const passed = failures.length === 0 && breakers.length === 0 && passedCount >= needed;
  if (passed && ripe) return { verdict: 'promote', reasons: [] };

  const missing = passed
    ? `TOO_EARLY: no version is promoted within ${minutesMinOf(policy)} minutes`
    : `REPORTS_MISSING: ${passedCount} of at least ${needed} canary clusters passed it`;
  const unheard = heardCount < canaries.length ? `; ${canaries.length - heardCount} have not reported` : '';
  const over = nowMs >= deadlineOf(gate, policy);
  const heardAll = failures.length > 0 && counting.length === canaries.length;
  const against = breakers.length > 0 ? breakers : [missing + unheard];
  if (!over && !heardAll) return { verdict: 'waiting', reasons: [...reasons, ...against] };
  return { verdict: 'hold', reasons: failures.length > 0 ? [...reasons, ...breakers] : [...reasons, ...against] };
}

/**
 * What canaries still say against a version that the gate has promoted: reasons to roll it back where more than f, and
 * more than half of all canaries, failed it by now; otherwise none. `stableVersion`: what was stable before it.
 */
export function regretsOf(question: GateQuestion): readonly string[] {
  const { failures } = weigh(question);
  if (!outweighs(failures.length, question.f, question.canaries.length)) return [];
  return failures.flatMap(({ cluster, reasons }) => reasons.map((reason) => `${cluster}: ${reason}`));
}

/** So many open breakers stop nothing: f, unless the policy says otherwise. */
export function breakersMaxOf(policy: GatePolicy | undefined, f: number): number {
  return policy?.breakersMax ?? f;
}

/** Why breakers keep a version from being promoted; none while so few are open that all of them may lie. */
function breakerReasons({ breakers, policy, f }: GateQuestion): readonly string[] {
  const max = breakersMaxOf(policy, f);
  if (breakers.length <= max) return [];
  const named = breakers.slice(0, 8).join(', ');
  return [`BREAKER_OPEN: it made too many alerts in ${breakers.length} clusters, more than ${max} (${named})`];
}

/** Passes that promote: `clustersMin`, more than f, and a majority of all canaries, whichever is most. */
function passesNeeded({ clustersMin }: GatePolicy, f: number, canaryCount: number): number {
  return Math.max(clustersMin, f + 1, Math.floor(canaryCount / 2) + 1);
}

export function deadlineOf({ openedAtMs }: GateState, { hoursMax }: GatePolicy): EpochMs {
  return openedAtMs + hoursMax * hourMs;
}

/** Before this nothing is promoted, whatever is reported. */
export function ripeOf({ openedAtMs }: GateState, policy: GatePolicy): EpochMs {
  return openedAtMs + minutesMinOf(policy) * minuteMs;
}

function minutesMinOf({ minutesMin }: GatePolicy): number {
  return minutesMin ?? gateMinutesMinDefault;
}

function outweighs(failureCount: number, f: number, canaryCount: number): boolean {
  return failureCount > f && failureCount * 2 > canaryCount;
}

type Objection = Readonly<{ cluster: string; reasons: readonly string[] }>;

function weigh(question: GateQuestion) {
  const { gate, policy, canaries, stableVersion, before, nowMs } = question;
  const openMs = nowMs - gate.openedAtMs;
  const reports = Object.values(gate.reports).filter(({ cluster }) => canaries.includes(cluster));
  const comparable = reports.filter(
    ({ liveVersion, scoredCount }) => liveVersion === stableVersion && scoredCount >= policy.scoredMin,
  );
  const impossible = objections(comparable, (report) => impossibleIn(report, openMs, before.get(report.cluster)));
  const counting = comparable.filter(({ cluster }) => !impossible.some((other) => other.cluster === cluster));
  return {
    heardCount: reports.length,
    counting,
    failures: objections(counting, (report) => failuresOf(report, policy, before.get(report.cluster))),
    impossible,
  };
}

function objections(
  reports: readonly ShadowReport[],
  against: (report: ShadowReport) => readonly string[],
): readonly Objection[] {
  return reports.flatMap((report) => {
    const reasons = against(report);
    return reasons.length === 0 ? [] : [{ cluster: report.cluster, reasons }];
  });
}
