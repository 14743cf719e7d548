import { unwrap } from '../../base/fault.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import type { ShadowReport } from '../../coordinator/ledger/journal/events.ts';
import { decideGate } from '../../coordinator/registry/decide/gate.ts';
import type { GatePolicy } from '../../coordinator/round/policy.ts';
import type { ClusterId } from '../../proto/ids.ts';

/** How many of an attack set's cases are found by what runs and by a round's model. */
export type FoundInSet = Readonly<{ cases: number; live: number; candidate: number }>;

const minuteMs = 60_000;
const opened = { version: 1, openedAtMs: 0, decision: null, approvals: [] } as const;

/**
 * Whether the gate lets a round's model through where a single honest cluster has an attack set: all n clusters are canaries, f of
 * them lie and pass everything, all judge normal work alike, and one reports what it found in its set. The gate is the
 * coordinator's own, with the limits that a policy has which names none.
 */
export function passesGate(n: number, f: number, { cases, live, candidate }: FoundInSet): boolean {
  // Krum's n >= 2f + 3 is none of the gate's business: a rule that any f may stand in.
  const text = JSON.stringify({ aggregation: { f, before: [], rule: { kind: 'fltrust' } }, gate: {} });
  const policy = unwrap(parseTrackPolicy(text)).gate as GatePolicy;
  const nowMs = opened.openedAtMs + ((policy.minutesMin ?? 0) + 1) * minuteMs;
  const canaries = Array.from({ length: n }, (_, at) => `c${at}` as ClusterId);
  const scored = policy.scoredMin;
  const reports = canaries.map((cluster, at): ShadowReport => {
    const ofSet = { attackClass: 'family', caseCount: cases, shadowFoundCount: candidate, liveFoundCount: live };
    return {
      ...{ cluster, liveVersion: 0, durationMs: nowMs - opened.openedAtMs, scoredCount: scored, agreedCount: scored },
      ...{ shadowAlertCount: 0, liveAlertCount: 0, recalls: at === n - 1 ? [ofSet] : [], reportedAtMs: nowMs },
      ...{ falsePositiveCaseCount: 0, shadowFalsePositiveCount: 0, liveFalsePositiveCount: 0, sequence: 1 },
      ...{ shadowLatencyUs: 1, liveLatencyUs: 1 },
    };
  });
  const gate = { ...opened, reports: Object.fromEntries(reports.map((report) => [report.cluster, report])) };
  const { verdict } = decideGate({
    ...{ gate, policy, f, canaries, stableVersion: 0, breakers: [], before: new Map(), nowMs },
  });
  return verdict === 'promote';
}
