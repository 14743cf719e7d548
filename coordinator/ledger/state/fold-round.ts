import { isRoundId, isTrackId, type RoundId, type TrackId } from '../../../proto/ids.ts';
import { GrowingList } from '../../round/growing-list.ts';
import type { RoundEffect, RoundPhase } from '../../round/phase.ts';
import { step } from '../../round/step.ts';
import type { JournalEvent, RoundJournalEvent } from '../journal/events.ts';
import { type EntryContext, type MutableState, replaceTrack } from './mutable-state.ts';
import { type Round, roundsKept, type Track } from './state.ts';

type RoundEvent =
  | Exclude<RoundJournalEvent, { kind: 'replayStarted' | 'roundReplayed' }>
  | Extract<JournalEvent, { kind: 'refused' }>;

const refusalsKept = 256;

export function foldRound(state: MutableState, event: RoundEvent, context: EntryContext): void {
  switch (event.kind) {
    case 'roundScheduled':
      replaceTrack(state, event.track, (track) => schedule(track, event, context));
      return;
    case 'roundStepped':
      replaceTrack(state, event.track, (track) => stepRound(track, event, context));
      return;
    case 'standingsNoted': {
      const { standings } = event;
      replaceTrack(state, event.track, (track) => ({ ...track, standings: { ...track.standings, ...standings } }));
      return;
    }
    case 'effectsDone':
      replaceRound(state, event.track, event.round, (round) => ({
        ...round,
        pending: round.pending.filter((effect) => !event.effects.includes(effect)),
      }));
      return;
    case 'roundKeyDestroyed':
      replaceRound(state, event.track, event.round, (round) => ({
        ...round,
        pending: round.pending.filter((effect) => effect !== 'destroyKey'),
        keyDestroyedAtMs: context.atMs,
      }));
      return;
    case 'inputKeysKept': {
      const { untilMs, updateCount } = event;
      replaceRound(state, event.track, event.round, (round) => ({
        ...round,
        inputKeys: { untilMs, updateCount, destroyedAtMs: null },
      }));
      return;
    }
    case 'inputKeysDestroyed':
      replaceRound(state, event.track, event.round, (round) => ({
        ...round,
        inputKeys: round.inputKeys && { ...round.inputKeys, destroyedAtMs: context.atMs },
      }));
      return;
    case 'refused':
      noteRefusal(state, event, context);
      return;
  }
}

function schedule(
  track: Track,
  { round, rules, policy, priors, reason, dueAtMs, servesUntilMs }: Extract<RoundEvent, { kind: 'roundScheduled' }>,
  { atMs }: EntryContext,
): Track {
  if (round !== `r-${track.roundCount + 1}`) throw new Error(`fold: ${round} is not the next round of ${track.track}`);
  const scheduled: Round = {
    track: track.track,
    round,
    rules,
    policy,
    ...(priors && { priors }),
    reason,
    scheduledAtMs: atMs,
    phase: { kind: 'scheduled', dueAtMs },
    pending: [],
    sequences: [],
    refusedCount: 0,
    refusals: [],
    keyDestroyedAtMs: null,
    inputKeys: null,
  };
  return {
    ...track,
    rounds: new Map(track.rounds).set(round, scheduled),
    roundCount: track.roundCount + 1,
    servedUntilMs: servesUntilMs ?? track.servedUntilMs,
  };
}

function stepRound(
  track: Track,
  { round: id, event, effects }: Extract<RoundEvent, { kind: 'roundStepped' }>,
  { seq, atMs }: EntryContext,
): Track {
  const round = track.rounds.get(id);
  if (round === undefined) throw new Error(`fold: track ${track.track} has no round ${id}`);
  const result = step(round.phase, event, round.rules);
  if (result.kind === 'refused') throw new Error(`fold: ${id} refused a journalled event: ${result.fault.message}`);
  if (result.effects.join() !== effects.join()) {
    throw new Error(`fold: ${id} now gives [${result.effects}] where the journal has [${effects}]`);
  }
  const { phase } = result;
  const accepted = 'accepted' in phase ? phase.accepted.length : 0;
  const stepped: Round = {
    ...round,
    phase,
    pending: pendingAfter(round.pending, phase, effects),
    sequences: accepted > round.sequences.length ? GrowingList.of(round.sequences).with(seq) : round.sequences,
  };
  const rounds = new Map(track.rounds).set(id, stepped);
  if (phase.kind === 'candidate') return { ...withModel(track, id, phase, atMs), rounds: keepRecent(rounds) };
  return { ...track, rounds: phase.kind === 'abandoned' ? keepRecent(rounds) : rounds };
}

/** A round that has moved on needs no invitation and no aggregation any more. */
function pendingAfter(
  pending: readonly RoundEffect[],
  phase: RoundPhase,
  effects: readonly RoundEffect[],
): readonly RoundEffect[] {
  const still = pending.filter((effect) => {
    if (effect === 'invite') return phase.kind === 'collecting';
    if (effect === 'aggregate') return phase.kind === 'aggregating';
    return true;
  });
  return [...new Set([...still, ...effects])];
}

/** The candidate is the track's newest model; its head, if nobody moved the head while the round ran and it does not go upward. */
function withModel(
  track: Track,
  round: RoundId,
  phase: Extract<RoundPhase, { kind: 'candidate' }>,
  atMs: number,
): Track {
  const { version, digest } = phase.candidate;
  if (version !== track.models.length) throw new Error(`fold: ${round} made version ${version} out of turn`);
  const { provenance, optimiserState } = phase;
  const isNext = track.rounds.get(round)?.policy.upward !== true && track.headVersion === phase.base.version;
  return {
    ...track,
    models: [...track.models, { version, digest, createdAtMs: atMs, round, provenance, optimiserState }],
    headVersion: isNext ? version : track.headVersion,
  };
}

function keepRecent(rounds: Map<RoundId, Round>): Map<RoundId, Round> {
  for (const [id, { phase, pending, inputKeys }] of rounds) {
    if (rounds.size <= roundsKept) break;
    const over = phase.kind === 'candidate' || phase.kind === 'abandoned';
    const keepsKeys = inputKeys !== null && inputKeys.destroyedAtMs === null;
    if (over && pending.length === 0 && !keepsKeys) rounds.delete(id);
  }
  return rounds;
}

function noteRefusal(
  state: MutableState,
  event: Extract<RoundEvent, { kind: 'refused' }>,
  { atMs }: EntryContext,
): void {
  const { track, round, cluster, code, cause, payloadDigest, repeats } = event;
  if (event.what !== 'update' || !isTrackId(track) || !isRoundId(round)) return;
  if (state.tracks.get(track)?.rounds.has(round) !== true) return; // Of a round that was never, or is long over.
  replaceRound(state, track, round, (known) => ({
    ...known,
    refusedCount: known.refusedCount + 1 + repeats,
    refusals: [...known.refusals, { atMs, cluster, code, cause, payloadDigest }].slice(-refusalsKept),
  }));
}

function replaceRound(state: MutableState, track: TrackId, id: RoundId, change: (round: Round) => Round): void {
  replaceTrack(state, track, (known) => {
    const round = known.rounds.get(id);
    // Effects of a round may be reported done after it was dropped from the recent ones: nothing to note then.
    return round === undefined ? known : { ...known, rounds: new Map(known.rounds).set(id, change(round)) };
  });
}
