import { ok, type Result, refuse } from '../../../base/fault.ts';
import {
  type CancelRoundRequest,
  type CancelRoundResponse,
  type GetRoundRequest,
  type GetRoundResponse,
  type ListRoundsRequest,
  type ListRoundsResponse,
  type OpenRoundRequest,
  type OpenRoundResponse,
  type PlanRoundsRequest,
  type PlanRoundsResponse,
  RoundPhase,
  type RoundSummary,
} from '../../../proto/generated/testudo/v1/operator.ts';
import { isRoundId, isTrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { Round, State, Track } from '../../ledger/state/state.ts';
import type { PhaseKind } from '../../round/phase.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { participations, readProvenance } from './participation.ts';
import { checkId, checkReason, invalid, ms, pageOf } from './requests.ts';
import { sequenceOf } from './sequence.ts';
import { modelRef } from './tracks.ts';

const planAheadMsMax = 366 * 86_400_000;

const phases: Readonly<Record<PhaseKind, RoundPhase>> = {
  scheduled: RoundPhase.ROUND_PHASE_SCHEDULED,
  recruiting: RoundPhase.ROUND_PHASE_RECRUITING,
  collecting: RoundPhase.ROUND_PHASE_COLLECTING,
  aggregating: RoundPhase.ROUND_PHASE_AGGREGATING,
  candidate: RoundPhase.ROUND_PHASE_CANDIDATE,
  abandoned: RoundPhase.ROUND_PHASE_ABANDONED,
};

/** Rounds: the last 64 of each track in full; the audit log has all of them for ever. */
export function roundHandlers(door: Door, engine: Engine) {
  return {
    openRound: door.unary<'operator', OpenRoundRequest, OpenRoundResponse>(
      calls.operator.openRound,
      async ({ track, reason }, { actor }) => {
        const id = checkId('track', track, isTrackId);
        if (!id.ok) return id;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        const opened = await engine.openRound(actor, { track: id.value, reason });
        return opened.ok ? ok({ round: opened.value.value }) : opened;
      },
    ),

    cancelRound: door.unary<'operator', CancelRoundRequest, CancelRoundResponse>(
      calls.operator.cancelRound,
      async ({ track, round, reason }, { actor }) => {
        const ids = checkRound(track, round);
        if (!ids.ok) return ids;
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        return sequenceOf(engine, await engine.cancelRound(actor, { ...ids.value, reason }));
      },
    ),

    listRounds: door.unary<'viewer', ListRoundsRequest, ListRoundsResponse>(
      calls.operator.listRounds,
      async ({ track: name, page }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const newestFirst = [...track.value.rounds.values()].reverse();
        const paged = pageOf(newestFirst, page, ({ round }) => round);
        if (!paged.ok) return paged;
        const rounds = paged.value.rows.map((round) => summary(track.value, round));
        return ok({ rounds, nextPage: paged.value.nextPage });
      },
    ),

    getRound: door.unary<'viewer', GetRoundRequest, GetRoundResponse>(calls.operator.getRound, async (request) => {
      const ids = checkRound(request.track, request.round);
      if (!ids.ok) return ids;
      const track = findTrack(engine.state(), request.track);
      if (!track.ok) return track;
      const round = track.value.rounds.get(ids.value.round);
      if (round === undefined) {
        return refuse('ROUND_NOT_FOUND', `${ids.value.round} of ${ids.value.track} is not among the last rounds`);
      }
      const provenance = await readProvenance(engine.blobs, round);
      return ok({
        summary: summary(track.value, round),
        participations: participations(round, provenance.fates),
        provenanceJson: provenance.json,
      });
    }),

    planRounds: door.unary<'viewer', PlanRoundsRequest, PlanRoundsResponse>(
      calls.operator.planRounds,
      async ({ untilMs }, { nowMs }) => {
        if (untilMs > BigInt(nowMs + planAheadMsMax)) return invalid('until_ms: at most 366 days from now');
        const rounds = engine.planRounds(Number(untilMs)).map(({ track, atMs, heldBecause }) => ({
          track,
          atMs: ms(atMs),
          heldBecause: heldBecause ?? '',
        }));
        return ok({ rounds });
      },
    ),
  };
}

function checkRound(track: string, round: string) {
  const trackId = checkId('track', track, isTrackId);
  if (!trackId.ok) return trackId;
  const roundId = checkId('round', round, isRoundId);
  return roundId.ok ? ok({ track: trackId.value, round: roundId.value }) : roundId;
}

function findTrack({ tracks }: State, name: string): Result<Track> {
  const id = checkId('track', name, isTrackId);
  if (!id.ok) return id;
  const track = tracks.get(id.value);
  return track === undefined ? refuse('TRACK_NOT_FOUND', `there is no track ${name}`) : ok(track);
}

function summary(track: Track, round: Round): RoundSummary {
  const { phase } = round;
  const times = timesOf(round);
  return {
    round: round.round,
    track: round.track,
    phase: phases[phase.kind],
    abandonedBecause: phase.kind === 'abandoned' ? phase.reason : '',
    openedAtMs: ms(times.openedAtMs),
    closesAtMs: ms(times.closesAtMs),
    endedAtMs: ms(times.endedAtMs),
    cohortCount: 'cohort' in phase ? phase.cohort.length : 0,
    acceptedCount: 'accepted' in phase ? phase.accepted.length : 0,
    refusedCount: round.refusedCount,
    candidate: phase.kind === 'candidate' ? modelRef(track, phase.candidate.version) : undefined,
    keyDestroyedAtMs: ms(round.keyDestroyedAtMs),
    replayableUntilMs: ms(round.inputKeys?.destroyedAtMs === null ? round.inputKeys.untilMs : 0),
  };
}

function timesOf({ phase }: Round): Readonly<{ openedAtMs?: number; closesAtMs?: number; endedAtMs?: number }> {
  switch (phase.kind) {
    case 'scheduled':
      return {};
    case 'recruiting':
      return { openedAtMs: phase.openedAtMs };
    case 'collecting':
      return { openedAtMs: phase.openedAtMs, closesAtMs: phase.closesAtMs };
    case 'aggregating':
      return { openedAtMs: phase.openedAtMs, closesAtMs: phase.closedAtMs };
    case 'candidate':
      return { openedAtMs: phase.openedAtMs, closesAtMs: phase.closedAtMs, endedAtMs: phase.endedAtMs };
    case 'abandoned':
      return { endedAtMs: phase.endedAtMs };
  }
}
