import { refuse } from '../../../base/fault.ts';
import type { TrackId } from '../../../proto/ids.ts';
import type { Actor } from '../../ledger/journal/events.ts';
import { nameOf } from '../../ledger/state/name-of.ts';
import type { GateState } from '../../ledger/state/releasing.ts';
import type { State } from '../../ledger/state/state.ts';
import { gateEvents } from './channel-events.ts';
import { type Planned, planned, servable, trackOf } from './planning.ts';

export function planOverride(
  state: State,
  actor: Actor,
  request: Readonly<{ track: TrackId; version: number; decision: 'promote' | 'reject'; reason: string }>,
): Planned {
  const { track: id, version, decision, reason } = request;
  const track = trackOf(state, id);
  if (!track.ok) return track;
  const { releasing, policy } = track.value;
  const gate = releasing.gates[version];
  if (gate === undefined || gate.decision?.decision === 'promote') {
    return refuse('GATE_NOT_OPEN', `version ${version} of ${id} is in front of no gate`);
  }
  const { stable } = releasing.channels;
  if (decision === 'reject' && stable?.version === version) {
    return refuse(
      'GATE_NOT_OPEN',
      `version ${version} of ${id} is stable, and in front of no gate: roll back or revoke it`,
    );
  }
  if (decision === 'reject' && gate.decision?.decision === 'reject') {
    return refuse('NOTHING_TO_CHANGE', `version ${version} of ${id} was rejected already, by ${gate.decision.by}`);
  }
  if (decision === 'promote' && stable !== undefined && version <= stable.version) {
    return refuse('VERSION_NOT_NEWER', `stable of ${id} points at ${stable.version} already`);
  }
  const release = servable(releasing, id, version);
  if (!release.ok && decision === 'promote') return release;
  const alike = gate.approvals.filter((approval) => approval.decision === decision);
  const by = nameOf(actor);
  const same = alike.find((approval) => personOf(approval.by) === personOf(by));
  if (same !== undefined) {
    const as = same.by === by ? '' : `, as ${same.by}, who is taken for the same person`;
    return refuse('APPROVAL_REPEATED', `${by} has approved this already${as}: another operator must`);
  }
  // To reject is the safe side: one operator is enough.
  const needed = decision === 'promote' ? (policy.gate?.approvals ?? 1) : 1;
  if (alike.length + 1 < needed) {
    return planned([{ kind: 'gateOverrideAsked', track: id, version, decision, reason }], version);
  }
  const reasons = [...alike, { by, reason }].map((approval) => `OVERRIDDEN by ${approval.by}: ${approval.reason}`);
  return planned(gateEvents(track.value, version, decision, [...standing(gate), ...reasons]), version);
}

/** Somebody with a certificate has a name at the provider of identities too, often the same: what follows "@" makes no second person. */
function personOf(name: string): string {
  return (name.split('@', 1)[0] ?? name).toLowerCase();
}

/** What an earlier decision had against it, so that the record says what was overridden. */
function standing({ decision }: GateState): readonly string[] {
  return decision?.reasons ?? [];
}
