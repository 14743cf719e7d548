import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, refuse } from '../../../base/fault.ts';
import {
  GateDecision as DecisionMessage,
  type GateApproval,
  type GateReport,
  type GetGateRequest,
  type GetGateResponse,
  type OverrideGateRequest,
  type OverrideGateResponse,
} from '../../../proto/generated/testudo/v1/operator_releases.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { ShadowReport } from '../../ledger/journal/events.ts';
import type { GateState } from '../../ledger/state/releasing.ts';
import type { Track } from '../../ledger/state/state.ts';
import type { GateView } from '../../registry/decide/gate.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { changeMessage, readChange, readOptionalVersion, readVersion } from './changes.ts';
import { findTrack } from './releases.ts';
import { invalid, ms } from './requests.ts';

const reportsMax = 1_000;

const decisions = {
  waiting: DecisionMessage.GATE_DECISION_WAITING,
  promote: DecisionMessage.GATE_DECISION_PROMOTE,
  hold: DecisionMessage.GATE_DECISION_HOLD,
  reject: DecisionMessage.GATE_DECISION_REJECT,
} as const;

/** The gate between canary and stable: what was reported, what follows from it, and people's word against it. */
export function gateHandlers(door: Door, engine: Engine, registry: Registry) {
  return {
    getGate: door.unary<'viewer', GetGateRequest, GetGateResponse>(calls.operator.getGate, async (request) => {
      const track = findTrack(engine.state(), request.track);
      if (!track.ok) return track;
      const named = readOptionalVersion(request.version);
      if (!named.ok) return named;
      const version = named.value.version ?? track.value.releasing.channels.canary?.version;
      const gate = version === undefined ? undefined : registry.gate(track.value.track, version);
      if (version === undefined || gate === undefined) return noGate(track.value, version);
      return ok(gateMessage(track.value, gate));
    }),

    overrideGate: door.unary<'operator', OverrideGateRequest, OverrideGateResponse>(
      calls.operator.overrideGate,
      async (request, { actor }) => {
        const change = readChange(request);
        if (!change.ok) return change;
        const version = readVersion(request.version);
        if (!version.ok) return version;
        const decision = overrideOf(request.decision);
        if (decision === undefined) return invalid('decision: an override promotes or rejects');
        const { dryRun } = request;
        const named = { ...change.value, version: version.value, decision, dryRun };
        const changed = await registry.overrideGate(actor, named);
        if (!changed.ok) return changed;
        const gate = registry.gate(change.value.track, version.value);
        const approvals = gate?.state.approvals.filter((approval) => approval.decision === decision) ?? [];
        return ok({
          decided: isDecided(gate, decision, dryRun === true, approvals.length),
          approvals: approvals.map(approvalMessage),
          approvalsNeeded: gate?.approvalsNeeded ?? 1,
          change: changeMessage(changed.value),
        });
      },
    ),
  };
}

function overrideOf(decision: DecisionMessage): 'promote' | 'reject' | undefined {
  if (decision === DecisionMessage.GATE_DECISION_PROMOTE) return 'promote';
  return decision === DecisionMessage.GATE_DECISION_REJECT ? 'reject' : undefined;
}

/** A dry run adds nobody's word: with the caller's it would be one more. */
function isDecided(gate: GateView | undefined, wanted: string, dryRun: boolean, approvals: number): boolean {
  if (gate === undefined) return false;
  return dryRun ? approvals + 1 >= gate.approvalsNeeded : gate.state.decision?.decision === wanted;
}

function noGate({ track, releasing }: Track, version: number | undefined) {
  const known = Object.keys(releasing.gates);
  const others = known.length === 0 ? 'none was yet' : `these were: ${known.slice(-16).join(', ')}`;
  const which = version === undefined ? 'there is no canary channel' : `version ${version} never was at the gate`;
  return refuse('GATE_NOT_OPEN', `${which} of ${track}; ${others}`);
}

function gateMessage({ track, policy }: Track, { state, now, deadlineMs, approvalsNeeded }: GateView): GetGateResponse {
  const { version, openedAtMs, decision, approvals } = state;
  return {
    version: BigInt(version),
    decision: decisions[decision?.decision ?? now.verdict],
    reasons: [...(decision?.reasons ?? now.reasons)].slice(0, 64),
    openedAtMs: ms(openedAtMs),
    deadlineMs: ms(deadlineMs),
    decidedAtMs: ms(decision?.atMs),
    decidedBy: decision?.by ?? '',
    reports: reportsOf(track, state),
    approvals: approvals.map(approvalMessage),
    approvalsNeeded,
    policyJson: policy.gate === undefined ? '' : canonicalJson(policy.gate as unknown as JsonValue),
  };
}

function reportsOf(track: TrackId, { version, reports }: GateState): GateReport[] {
  const sorted = Object.values(reports).sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return sorted.slice(0, reportsMax).map((report) => ({
    cluster: report.cluster,
    report: reportMessage(track, version, report),
    sequence: BigInt(report.sequence),
  }));
}

function reportMessage(track: TrackId, version: number, report: ShadowReport): NonNullable<GateReport['report']> {
  return {
    track,
    version: BigInt(version),
    liveVersion: BigInt(report.liveVersion),
    durationMs: BigInt(report.durationMs),
    scoredCount: BigInt(report.scoredCount),
    agreedCount: BigInt(report.agreedCount),
    shadowAlertCount: BigInt(report.shadowAlertCount),
    liveAlertCount: BigInt(report.liveAlertCount),
    recalls: report.recalls.map((recall) => ({ ...recall })),
    falsePositiveCaseCount: report.falsePositiveCaseCount,
    shadowFalsePositiveCount: report.shadowFalsePositiveCount,
    liveFalsePositiveCount: report.liveFalsePositiveCount,
    shadowLatencyUs: BigInt(report.shadowLatencyUs),
    liveLatencyUs: BigInt(report.liveLatencyUs),
    atMs: ms(report.reportedAtMs),
    signature: Buffer.alloc(0), // In the journal, at the report's position.
  };
}

function approvalMessage({ by, decision, reason, atMs }: GateState['approvals'][number]): GateApproval {
  return { operator: by, decision: decisions[decision], reason, atMs: ms(atMs) };
}
