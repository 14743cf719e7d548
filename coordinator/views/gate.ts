import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { GateDecision, ShadowReport } from '../ledger/journal/events.ts';
import type { GateState } from '../ledger/state/releasing.ts';
import type { Track } from '../ledger/state/state.ts';
import type { GateView as RegistryGate } from '../registry/decide/gate.ts';
import type { Registry } from '../registry/registry.ts';

export type GateView = Readonly<{
  version: number;
  /** What was decided, or what the reports so far say by themselves. */
  decision: GateDecision | 'waiting';
  /** What stands against a promotion. */
  reasons: readonly string[];
  openedAtMs: EpochMs;
  /** When silence becomes a hold. */
  deadlineMs: EpochMs | null;
  decidedAtMs: EpochMs | null;
  /** An operator's name, or "coordinator". */
  decidedBy: string | null;
  /** By cluster. */
  reports: readonly ShadowReport[];
  approvals: GateState['approvals'];
  approvalsNeeded: number;
}>;

export function gateView({ state, now, deadlineMs, approvalsNeeded }: RegistryGate): GateView {
  const { version, openedAtMs, decision, approvals, reports } = state;
  return {
    version,
    decision: decision?.decision ?? now.verdict,
    reasons: decision?.reasons ?? now.reasons,
    openedAtMs,
    deadlineMs,
    decidedAtMs: decision?.atMs ?? null,
    decidedBy: decision?.by ?? null,
    reports: Object.values(reports).sort((a, b) => (a.cluster < b.cluster ? -1 : 1)),
    approvals,
    approvalsNeeded,
  };
}

/** The gate of this version, or of what canary runs. */
export function findGate(
  registry: Pick<Registry, 'gate'>,
  { track, releasing }: Track,
  wanted: number | undefined,
): Result<GateView, 'GATE_NOT_OPEN'> {
  const version = wanted ?? releasing.channels.canary?.version;
  const gate = version === undefined ? undefined : registry.gate(track, version);
  if (gate !== undefined) return ok(gateView(gate));
  const known = Object.keys(releasing.gates);
  const others = known.length === 0 ? 'none was yet' : `these were: ${known.slice(-16).join(', ')}`;
  const which = version === undefined ? 'there is no canary channel' : `version ${version} never was at the gate`;
  return refuse('GATE_NOT_OPEN', `${which} of ${track}; ${others}`);
}
