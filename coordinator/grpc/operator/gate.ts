import { canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok } from '../../../base/fault.ts';
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
import { overrideGate } from '../../operations/releases.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Engine } from '../../rounds/engine.ts';
import { findGate, type GateView } from '../../views/gate.ts';
import { checkVersion, findTrack } from '../../views/request.ts';
import type { Door } from '../door.ts';
import { changeMessage, ms } from './messages.ts';

const reportsMax = 1_000;
const reasonsMax = 64;

const decisions: Readonly<Record<GateView['decision'], DecisionMessage>> = {
  waiting: DecisionMessage.GATE_DECISION_WAITING,
  promote: DecisionMessage.GATE_DECISION_PROMOTE,
  hold: DecisionMessage.GATE_DECISION_HOLD,
  reject: DecisionMessage.GATE_DECISION_REJECT,
};

/** The gate between canary and stable: what was reported, what follows from it, and people's word against it. */
export function gateHandlers(door: Door<'operator'>, engine: Engine, registry: Registry) {
  return {
    getGate: door.unary<'viewer', GetGateRequest, GetGateResponse>(calls.operator.getGate, async (request) => {
      const track = findTrack(engine.state(), request.track);
      if (!track.ok) return track;
      const version = request.version === undefined ? ok(undefined) : checkVersion(request.version);
      if (!version.ok) return version;
      const gate = findGate(registry, track.value, version.value);
      return gate.ok ? ok(gateMessage(track.value, gate.value)) : gate;
    }),

    overrideGate: door.unary<'operator', OverrideGateRequest, OverrideGateResponse>(
      calls.operator.overrideGate,
      async (request, { actor }) => {
        const asked = { ...request, decision: overrideOf(request.decision) };
        const overridden = await overrideGate(registry, actor, asked);
        if (!overridden.ok) return overridden;
        const { decided, approvals, approvalsNeeded } = overridden.value;
        const change = changeMessage(overridden.value);
        return ok({ decided, approvals: approvals.map(approvalMessage), approvalsNeeded, change });
      },
    ),
  };
}

function overrideOf(decision: DecisionMessage): 'promote' | 'reject' | undefined {
  if (decision === DecisionMessage.GATE_DECISION_PROMOTE) return 'promote';
  return decision === DecisionMessage.GATE_DECISION_REJECT ? 'reject' : undefined;
}

function gateMessage({ track, policy }: Track, gate: GateView): GetGateResponse {
  return {
    version: BigInt(gate.version),
    decision: decisions[gate.decision],
    reasons: gate.reasons.slice(0, reasonsMax),
    openedAtMs: ms(gate.openedAtMs),
    deadlineMs: ms(gate.deadlineMs),
    decidedAtMs: ms(gate.decidedAtMs),
    decidedBy: gate.decidedBy ?? '',
    reports: gate.reports.slice(0, reportsMax).map((report) => reportRow(track, gate.version, report)),
    approvals: gate.approvals.map(approvalMessage),
    approvalsNeeded: gate.approvalsNeeded,
    policyJson: policy.gate === undefined ? '' : canonicalJson(policy.gate as unknown as JsonValue),
  };
}

function reportRow(track: TrackId, version: number, report: ShadowReport): GateReport {
  const { cluster, sequence } = report;
  return { cluster, report: reportMessage(track, version, report), sequence: BigInt(sequence) };
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
