import { type Backoff, fullJitterMs } from '../../base/backoff.ts';
import type { Fault } from '../../base/fault.ts';
import type { RoundId } from '../../proto/ids.ts';
import type { Invitation } from './invitation.ts';
import type { KeptUpdate } from './outbox.ts';
import { type Verdict, verdictFor } from './verdict.ts';

/** How long after a round's end an update is still offered: the two clocks may differ. */
export const closeGraceMs = 5_000;
/** A round may ask for training again this often before the client gives it up. */
export const trainAgainMax = 3;

/** What one client does in one track. Plain data; the shell in `uplink.ts` performs the effects. */
export type Participation = Readonly<
  | { kind: 'idle'; lastRound?: RoundId; code?: string }
  /** `waiting`: between a failed attempt and the next one. */
  | { kind: 'fetching'; invitation: Invitation; waiting: boolean; attempt: number; again: number }
  | { kind: 'training'; invitation: Invitation; again: number }
  /** Sealed, signed and on disk. `invitation` is missing after a restart. */
  | {
      kind: 'delivering';
      kept: KeptUpdate;
      invitation?: Invitation;
      waiting: boolean;
      attempt: number;
      again: number;
    }
  /** Receipted. The bytes stay until the round closes: a coordinator restored from a backup may have lost them. */
  | { kind: 'delivered'; kept: KeptUpdate; sequence: number }
>;

export type ParticipationEvent = Readonly<
  | { kind: 'restored'; kept: KeptUpdate; sequence: number | undefined }
  | { kind: 'invited'; invitation: Invitation }
  | { kind: 'closed'; round: RoundId }
  | { kind: 'fetched'; round: RoundId }
  | { kind: 'kept'; kept: KeptUpdate }
  | { kind: 'receipted'; round: RoundId; sequence: number }
  /** `unit` is random in [0, 1). */
  | { kind: 'failed'; round: RoundId; fault: Fault; unit: number }
  | { kind: 'retryDue'; round: RoundId }
  /** By the coordinator's clock, as far as heartbeats told it. */
  | { kind: 'time'; nowMs: number }
>;

export type ParticipationEffect = Readonly<
  | { kind: 'fetch'; invitation: Invitation }
  /** Train, clip, noise, seal, sign, keep on disk. */
  | { kind: 'train'; invitation: Invitation }
  | { kind: 'deliver'; kept: KeptUpdate }
  | { kind: 'wait'; round: RoundId; milliseconds: number }
  /** Stop whatever runs for this round. */
  | { kind: 'cancel'; round: RoundId }
  /** Remove from the outbox. */
  | { kind: 'drop'; round: RoundId }
  | { kind: 'report'; round: RoundId; verdict: Verdict; fault: Fault }
>;

export type ParticipationStep = Readonly<{ phase: Participation; effects: readonly ParticipationEffect[] }>;

const fresh = { waiting: false, attempt: 0 } as const;

export function step(phase: Participation, event: ParticipationEvent, backoff: Backoff): ParticipationStep {
  switch (event.kind) {
    case 'restored':
      return restore(phase, event.kept, event.sequence);
    case 'invited':
      return invite(phase, event.invitation);
    case 'closed':
      return roundOf(phase) === event.round ? leave(phase, undefined) : stay(phase);
    case 'time':
      return isOver(phase, event.nowMs) ? leave(phase, 'ROUND_CLOSED') : stay(phase);
    case 'fetched':
      if (phase.kind !== 'fetching' || phase.invitation.round !== event.round) return stay(phase);
      return {
        phase: { kind: 'training', invitation: phase.invitation, again: phase.again },
        effects: [{ kind: 'train', invitation: phase.invitation }],
      };
    case 'kept':
      if (phase.kind !== 'training' || phase.invitation.round !== event.kept.round) return stay(phase);
      return {
        phase: { kind: 'delivering', kept: event.kept, invitation: phase.invitation, ...fresh, again: phase.again },
        effects: [{ kind: 'deliver', kept: event.kept }],
      };
    case 'receipted':
      if (phase.kind !== 'delivering' || phase.kept.round !== event.round) return stay(phase);
      return { phase: { kind: 'delivered', kept: phase.kept, sequence: event.sequence }, effects: [] };
    case 'failed':
      return roundOf(phase) === event.round ? fail(phase, event.fault, event.unit, backoff) : stay(phase);
    case 'retryDue':
      return roundOf(phase) === event.round ? retry(phase) : stay(phase);
  }
}

/** The round a phase is about. */
export function roundOf(phase: Participation): RoundId | undefined {
  switch (phase.kind) {
    case 'idle':
      return undefined;
    case 'fetching':
    case 'training':
      return phase.invitation.round;
    case 'delivering':
    case 'delivered':
      return phase.kept.round;
  }
}

function restore(phase: Participation, kept: KeptUpdate, sequence: number | undefined): ParticipationStep {
  if (phase.kind !== 'idle') return stay(phase);
  if (sequence !== undefined) return { phase: { kind: 'delivered', kept, sequence }, effects: [] };
  return { phase: { kind: 'delivering', kept, ...fresh, again: 0 }, effects: [{ kind: 'deliver', kept }] };
}

/** Invitations repeat at every reconnection, so an invitation to the round we are in is news of a lost stream. */
function invite(phase: Participation, invitation: Invitation): ParticipationStep {
  // What was given up stays given up: the same refusal would follow, at every reconnection.
  if (phase.kind === 'idle' && phase.lastRound === invitation.round && phase.code !== undefined) return stay(phase);
  if (roundOf(phase) !== invitation.round) {
    const { effects } = leave(phase, undefined);
    return {
      phase: { kind: 'fetching', invitation, ...fresh, again: 0 },
      effects: [...effects, { kind: 'fetch', invitation }],
    };
  }
  switch (phase.kind) {
    case 'idle':
    case 'training':
      return stay(phase);
    case 'fetching':
    case 'delivering':
      // The line is up again: do not wait for the pause to end. A transfer that still runs is not disturbed.
      return phase.waiting ? retry({ ...phase, invitation, attempt: 0 }) : stay({ ...phase, invitation });
    case 'delivered':
      // The same update again gets the same receipt; a coordinator that lost it gets it back.
      return {
        phase: { kind: 'delivering', kept: phase.kept, invitation, ...fresh, again: 0 },
        effects: [{ kind: 'deliver', kept: phase.kept }],
      };
  }
}

/** The pause is over, or not needed any more. A transfer that runs is left alone: two would race for one offset. */
function retry(phase: Participation): ParticipationStep {
  if ((phase.kind !== 'fetching' && phase.kind !== 'delivering') || !phase.waiting) return stay(phase);
  const resumed = { ...phase, waiting: false };
  const effect: ParticipationEffect =
    resumed.kind === 'fetching'
      ? { kind: 'fetch', invitation: resumed.invitation }
      : { kind: 'deliver', kept: resumed.kept };
  return { phase: resumed, effects: [effect] };
}

function fail(phase: Participation, fault: Fault, unit: number, backoff: Backoff): ParticipationStep {
  if (phase.kind === 'idle' || phase.kind === 'delivered') return stay(phase);
  const round = roundOf(phase) as RoundId;
  // Training is deterministic: what failed once fails again.
  const verdict = phase.kind === 'training' ? 'giveUp' : verdictFor(fault);
  const report: ParticipationEffect = { kind: 'report', round, verdict, fault };
  if (verdict === 'retry' && phase.kind !== 'training') {
    const milliseconds = fullJitterMs(backoff, phase.attempt, unit);
    return {
      phase: { ...phase, waiting: true, attempt: phase.attempt + 1 },
      effects: [report, { kind: 'wait', round, milliseconds }],
    };
  }
  if (verdict === 'trainAgain' && phase.kind === 'delivering' && phase.again < trainAgainMax) {
    const drop: ParticipationEffect = { kind: 'drop', round };
    // Without the invitation, after a restart, the coordinator's next Watch restates it.
    if (phase.invitation === undefined) return { phase: { kind: 'idle' }, effects: [report, drop] };
    const { invitation } = phase;
    return {
      phase: { kind: 'fetching', invitation, ...fresh, again: phase.again + 1 },
      effects: [report, drop, { kind: 'fetch', invitation }],
    };
  }
  const { phase: after, effects } = leave(phase, fault.code);
  return { phase: after, effects: [report, ...effects] };
}

function leave(phase: Participation, code: string | undefined): ParticipationStep {
  const round = roundOf(phase);
  if (round === undefined) return stay(phase);
  const idle: Participation = { kind: 'idle', lastRound: round, ...(code === undefined ? {} : { code }) };
  const cancel: ParticipationEffect = { kind: 'cancel', round };
  const holdsUpdate = phase.kind === 'delivering' || phase.kind === 'delivered';
  return { phase: idle, effects: holdsUpdate ? [cancel, { kind: 'drop', round }] : [cancel] };
}

function isOver(phase: Participation, nowMs: number): boolean {
  switch (phase.kind) {
    case 'idle':
      return false;
    case 'fetching':
    case 'training':
      return nowMs > phase.invitation.closesAtMs + closeGraceMs;
    case 'delivering':
      return nowMs > phase.kept.closesAtMs + closeGraceMs;
    case 'delivered':
      // Receipted: it is kept for the coordinator's sake until the round closes, but not for ever.
      return nowMs > phase.kept.closesAtMs + 24 * 3_600_000;
  }
}

function stay(phase: Participation): ParticipationStep {
  return { phase, effects: [] };
}
