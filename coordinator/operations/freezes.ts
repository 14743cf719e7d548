import { ok, type Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { isTrackId, type TrackId } from '../../proto/ids.ts';
import { type FreezeFaultCode, heldBack, liftFreeze as lift, setFreeze as set } from '../ledger/freezing.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { Freeze } from '../ledger/state/state.ts';
import { type PlannedRound, plannedMax } from '../round/schedule/planned-rounds.ts';
import type { Engine } from '../rounds/engine.ts';
import { checkId, invalid } from '../views/request.ts';
import { type Answer, checkReason } from './check.ts';
import { writtenAt } from './sequence.ts';

const tracksMax = 64;
/** Later than any time that a calendar shows: what does not fit a number of milliseconds is no time. */
const timeMsMax = 8_640_000_000_000_000;

export type FreezeRequest = Readonly<{
  /** None means all. */
  tracks: readonly string[];
  /** 0 for now. */
  fromMs: EpochMs;
  untilMs: EpochMs;
  reason: string;
  dryRun: boolean;
}>;

/** The freeze's id (none of its own when it was only tried) and the rounds that it holds back. */
export async function setFreeze(
  engine: Pick<Engine, 'commit' | 'planRounds'>,
  actor: Actor,
  { tracks: names, fromMs, untilMs, reason, dryRun }: FreezeRequest,
): Answer<Readonly<{ freezeId: string; held: readonly PlannedRound[]; sequence: number }>, FreezeFaultCode> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const tracks = checkTracks(names);
  if (!tracks.ok) return tracks;
  if (fromMs > timeMsMax || untilMs > timeMsMax) return invalid('from_ms, until_ms: not a time');
  const soon = engine.planRounds(untilMs); // Before: afterwards the freeze is part of the plan.
  // Where more would open than a plan tells, those that the freeze is about may come after them.
  const planned = soon.length < plannedMax ? soon : engine.planRounds(untilMs, fromMs || undefined);
  const wanted = { tracks: tracks.value, fromMs: fromMs || null, untilMs, reason, dryRun };
  const committed = await set(engine, actor, wanted);
  if (!committed.ok) return committed;
  const { freezeId, ...freeze } = committed.value.value;
  return ok({ freezeId, held: heldBack(planned, freeze), sequence: writtenAt(committed.value) });
}

export async function liftFreeze(
  engine: Pick<Engine, 'commit'>,
  actor: Actor,
  { freezeId, reason, dryRun }: Readonly<{ freezeId: string; reason: string; dryRun: boolean }>,
): Answer<Readonly<{ freeze: Freeze; sequence: number }>, FreezeFaultCode> {
  const unreasoned = checkReason(reason);
  if (unreasoned !== undefined) return unreasoned;
  const committed = await lift(engine, actor, { freezeId, reason, dryRun });
  if (!committed.ok) return committed;
  return ok({ freeze: committed.value.value, sequence: writtenAt(committed.value) });
}

function checkTracks(names: readonly string[]): Result<readonly TrackId[] | 'all', 'REQUEST_INVALID'> {
  if (names.length > tracksMax) return invalid(`tracks: at most ${tracksMax}; none means all`);
  const tracks: TrackId[] = [];
  for (const name of names) {
    const track = checkId('tracks', name, isTrackId);
    if (!track.ok) return track;
    tracks.push(track.value);
  }
  return ok(tracks.length === 0 ? 'all' : tracks);
}
