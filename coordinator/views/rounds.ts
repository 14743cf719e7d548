import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { Round, Track } from '../ledger/state/state.ts';
import type { AbandonReason, PhaseKind } from '../round/phase.ts';
import { untilOf } from '../round/step.ts';
import { type ModelView, modelView } from './tracks.ts';

/** One round as people see it; times are null before they are reached, and where the phase no longer knows them. */
export type RoundView = Readonly<{
  track: TrackId;
  round: RoundId;
  phase: PhaseKind;
  abandonedBecause: AbandonReason | null;
  openedAtMs: EpochMs | null;
  /** When it stops taking updates, or stopped. */
  closesAtMs: EpochMs | null;
  endedAtMs: EpochMs | null;
  cohortCount: number;
  acceptedCount: number;
  refusedCount: number;
  candidate: ModelView | undefined;
  keyDestroyedAtMs: EpochMs | null;
  /** Until when it can be computed again; null where it cannot. */
  replayableUntilMs: EpochMs | null;
}>;

export function roundView(track: Track, round: Round): RoundView {
  const { phase, inputKeys } = round;
  return {
    track: round.track,
    round: round.round,
    phase: phase.kind,
    abandonedBecause: phase.kind === 'abandoned' ? phase.reason : null,
    ...timesOf(round),
    cohortCount: 'cohort' in phase ? phase.cohort.length : 0,
    acceptedCount: 'accepted' in phase ? phase.accepted.length : 0,
    refusedCount: round.refusedCount,
    candidate: phase.kind === 'candidate' ? modelView(track, phase.candidate.version) : undefined,
    keyDestroyedAtMs: round.keyDestroyedAtMs,
    replayableUntilMs: inputKeys?.destroyedAtMs === null ? inputKeys.untilMs : null,
  };
}

/** The rounds of a track that are kept in full, newest first. */
export function roundsOf({ rounds }: Track): readonly Round[] {
  return [...rounds.values()].reverse();
}

export function findRound({ track, rounds }: Track, id: RoundId): Result<Round, 'ROUND_NOT_FOUND'> {
  const round = rounds.get(id);
  return round === undefined ? refuse('ROUND_NOT_FOUND', `${id} of ${track} is not among the last rounds`) : ok(round);
}

function timesOf({ phase }: Round): Pick<RoundView, 'openedAtMs' | 'closesAtMs' | 'endedAtMs'> {
  const none = { openedAtMs: null, closesAtMs: null, endedAtMs: null };
  switch (phase.kind) {
    case 'scheduled':
      return none;
    case 'recruiting':
      return { ...none, openedAtMs: phase.openedAtMs };
    case 'collecting':
      return { ...none, openedAtMs: phase.openedAtMs, closesAtMs: untilOf(phase) };
    case 'aggregating':
      return { ...none, openedAtMs: phase.openedAtMs, closesAtMs: phase.closedAtMs };
    case 'candidate': {
      const { openedAtMs, closedAtMs, endedAtMs } = phase;
      // A clock that was ahead, and was set right amid the round, said the earlier ones.
      return { openedAtMs: Math.min(openedAtMs, endedAtMs), closesAtMs: Math.min(closedAtMs, endedAtMs), endedAtMs };
    }
    case 'abandoned':
      return { ...none, endedAtMs: phase.endedAtMs };
  }
}
