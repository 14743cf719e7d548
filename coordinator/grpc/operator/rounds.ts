import { ok } from '../../../base/fault.ts';
import { time } from '../../../base/text/table.ts';
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
import type { ClassOutcome } from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { ClassFate } from '../../candidate/provenance.ts';
import type { Round } from '../../ledger/state/state.ts';
import { checkRoundName } from '../../operations/check.ts';
import { cancelRound, openRound, planRounds, whoComes } from '../../operations/rounds.ts';
import type { PhaseKind } from '../../round/phase.ts';
import type { ScheduleRules } from '../../round/schedule/schedule-rules.ts';
import { untilOf } from '../../round/step.ts';
import type { Engine } from '../../rounds/engine.ts';
import { pageOf } from '../../views/page.ts';
import { participationView, readProvenance } from '../../views/participation.ts';
import { findTrack } from '../../views/request.ts';
import { findRound, type RoundView, roundsOf, roundView } from '../../views/rounds.ts';
import { trackWarnings } from '../../views/tracks.ts';
import type { Door } from '../door.ts';
import { sequenceMessage } from './members.ts';
import { modelRef, ms } from './messages.ts';
import { participations } from './records/participation.ts';

/** Of the text; a longer one is left out of the answer, since a message may hold 1.25 MiB. */
const namesMax = 2_000;
const missingMax = 100;
const provenanceCharactersMax = 512 << 10;

const phases: Readonly<Record<PhaseKind, RoundPhase>> = {
  scheduled: RoundPhase.ROUND_PHASE_SCHEDULED,
  recruiting: RoundPhase.ROUND_PHASE_RECRUITING,
  collecting: RoundPhase.ROUND_PHASE_COLLECTING,
  aggregating: RoundPhase.ROUND_PHASE_AGGREGATING,
  candidate: RoundPhase.ROUND_PHASE_CANDIDATE,
  abandoned: RoundPhase.ROUND_PHASE_ABANDONED,
};

/** Rounds: the last 64 of each track in full; the audit log has all of them for ever. */
export function roundHandlers(door: Door<'operator'>, engine: Engine) {
  return {
    openRound: door.unary<'operator', OpenRoundRequest, OpenRoundResponse>(
      calls.operator.openRound,
      async (request, { actor }) => {
        const opened = await openRound(engine, actor, request);
        if (!opened.ok) return opened;
        const { connected, missing, needed } = whoComes(engine, request.track as TrackId);
        const named = { connected: connected.slice(0, namesMax), missing: missing.slice(0, namesMax) };
        return ok({ round: opened.value, ...named, needed });
      },
    ),

    cancelRound: door.unary<'operator', CancelRoundRequest, CancelRoundResponse>(
      calls.operator.cancelRound,
      async (request, { actor }) => sequenceMessage(await cancelRound(engine, actor, request)),
    ),

    listRounds: door.unary<'viewer', ListRoundsRequest, ListRoundsResponse>(
      calls.operator.listRounds,
      async ({ track: name, page }) => {
        const track = findTrack(engine.state(), name);
        if (!track.ok) return track;
        const paged = pageOf(roundsOf(track.value), page, ({ round }) => round);
        if (!paged.ok) return paged;
        const rounds = paged.value.rows.map((round) => summary(roundView(track.value, round)));
        return ok({ rounds, nextPage: paged.value.nextPage });
      },
    ),

    getRound: door.unary<'viewer', GetRoundRequest, GetRoundResponse>(calls.operator.getRound, async (request) => {
      const named = checkRoundName(request.track, request.round);
      if (!named.ok) return named;
      const track = findTrack(engine.state(), request.track);
      if (!track.ok) return track;
      const round = findRound(track.value, named.value.round);
      if (!round.ok) return round;
      const { json, fates, classes, sample } = await readProvenance(engine.blobs, round.value);
      return ok({
        summary: summary(roundView(track.value, round.value)),
        participations: participations(participationView(round.value, fates)),
        why: whyOf(engine, request.track as TrackId, round.value),
        provenanceJson: json.length <= provenanceCharactersMax ? json : '',
        classes: classes.map(classMessage),
        sample: sample && {
          digest: sample.digest,
          lossBefore: sample.lossBefore ?? Number.NaN,
          lossAfter: sample.lossAfter ?? Number.NaN,
          toldApart: sample.toldApart,
        },
      });
    }),

    planRounds: door.unary<'viewer', PlanRoundsRequest, PlanRoundsResponse>(
      calls.operator.planRounds,
      async ({ untilMs }, { nowMs }) => {
        const planned = planRounds(engine, Number(untilMs), nowMs);
        if (!planned.ok) return planned;
        const rounds = planned.value.map(({ track, atMs, heldBecause }) => ({
          track,
          atMs: ms(atMs),
          heldBecause: heldBecause ?? '',
        }));
        const state = engine.state();
        const warnings = [...state.tracks.values()].flatMap((track) => trackWarnings(state, track));
        const readiness = [...state.tracks.keys()].sort().map((track) => {
          const { connected, missing, needed } = whoComes(engine, track);
          const schedule = scheduleText(state.tracks.get(track)?.policy.schedule ?? null);
          return { track, connectedCount: connected.length, needed, missing: missing.slice(0, missingMax), schedule };
        });
        return ok({ rounds, warnings, readiness });
      },
    ),
  };
}

/** Empty where nothing opens rounds but an operator. */
function scheduleText(schedule: ScheduleRules | null): string {
  return schedule === null ? '' : `${schedule.cron} ${schedule.timeZone}`;
}

/** In a sentence: why it was abandoned, or what it waits for. */
function whyOf(engine: Engine, track: TrackId, { phase }: Round): string {
  if (phase.kind === 'abandoned') return phase.detail;
  if (phase.kind !== 'scheduled' && phase.kind !== 'recruiting') return '';
  const { connected, missing, needed } = whoComes(engine, track);
  const missed = missing.length === 0 ? '' : `; missed: ${missing.slice(0, missingMax).join(', ')}`;
  const until = phase.kind === 'recruiting' ? ` until ${time(untilOf(phase))}` : '';
  return `it waits for clusters${until}: ${connected.length} connected, ${needed} needed${missed}`;
}

function classMessage({ class: name, covered, holders, leftOut, f, text }: ClassFate): ClassOutcome {
  return { name, covered, holders: [...holders], leftOut: [...leftOut], withstands: f, text };
}

function summary(view: RoundView): RoundSummary {
  const { track, round, cohortCount, acceptedCount, refusedCount } = view;
  return {
    track,
    round,
    cohortCount,
    acceptedCount,
    refusedCount,
    phase: phases[view.phase],
    abandonedBecause: view.abandonedBecause ?? '',
    openedAtMs: ms(view.openedAtMs),
    closesAtMs: ms(view.closesAtMs),
    endedAtMs: ms(view.endedAtMs),
    candidate: modelRef(view.candidate),
    keyDestroyedAtMs: ms(view.keyDestroyedAtMs),
    replayableUntilMs: ms(view.replayableUntilMs),
  };
}
