import { ok, type Result } from '../../../base/fault.ts';
import type {
  Freeze as FreezeMessage,
  LiftFreezeRequest,
  LiftFreezeResponse,
  ListFreezesRequest,
  ListFreezesResponse,
  SetFreezeRequest,
  SetFreezeResponse,
} from '../../../proto/generated/testudo/v1/operator_rounds.ts';
import { isTrackId, type TrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import { heldBack, liftFreeze, setFreeze, standingFreezes } from '../../ledger/freezing.ts';
import type { Freeze } from '../../ledger/state/state.ts';
import type { Engine } from '../../rounds/engine.ts';
import type { Door } from '../door.ts';
import { checkId, checkReason, invalid, ms } from './requests.ts';
import { writtenAt } from './sequence.ts';

const tracksMax = 64;
const freezesMax = 1_000;
/** Later than any time that a calendar shows: what does not fit a number of milliseconds is no time. */
const timeMsMax = 8_640_000_000_000_000n;

/** Freezes: times in which no round opens and no channel moves by itself. */
export function freezeHandlers(door: Door, engine: Engine) {
  return {
    setFreeze: door.unary<'operator', SetFreezeRequest, SetFreezeResponse>(
      calls.operator.setFreeze,
      async ({ tracks: names, fromMs, untilMs, reason, dryRun }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        const tracks = readTracks(names);
        if (!tracks.ok) return tracks;
        if (fromMs > timeMsMax || untilMs > timeMsMax) return invalid('from_ms, until_ms: not a time');
        const wanted = { tracks: tracks.value, fromMs: Number(fromMs) || null, untilMs: Number(untilMs) };
        const planned = engine.planRounds(wanted.untilMs); // Before: afterwards the freeze is part of the plan.
        const committed = await setFreeze(engine, actor, { ...wanted, reason, dryRun });
        if (!committed.ok) return committed;
        const { freezeId, ...freeze } = committed.value.value;
        const held = heldBack(planned, freeze).map(({ track, atMs }) => ({ track, atMs: ms(atMs) }));
        return ok({ freezeId, held, sequence: writtenAt(committed.value) });
      },
    ),

    liftFreeze: door.unary<'operator', LiftFreezeRequest, LiftFreezeResponse>(
      calls.operator.liftFreeze,
      async ({ freezeId, reason, dryRun }, { actor }) => {
        const unreasoned = checkReason(reason);
        if (unreasoned !== undefined) return unreasoned;
        const committed = await liftFreeze(engine, actor, { freezeId, reason, dryRun });
        if (!committed.ok) return committed;
        return ok({ freeze: freezeMessage(committed.value.value), sequence: writtenAt(committed.value) });
      },
    ),

    listFreezes: door.unary<'viewer', ListFreezesRequest, ListFreezesResponse>(
      calls.operator.listFreezes,
      async (_request, { nowMs }) => {
        const standing = standingFreezes(engine.state().freezes.values(), nowMs);
        return ok({ freezes: standing.slice(0, freezesMax).map(freezeMessage) });
      },
    ),
  };
}

function readTracks(names: readonly string[]): Result<readonly TrackId[] | 'all', 'REQUEST_INVALID'> {
  if (names.length > tracksMax) return invalid(`tracks: at most ${tracksMax}; none means all`);
  const tracks: TrackId[] = [];
  for (const name of names) {
    const track = checkId('tracks', name, isTrackId);
    if (!track.ok) return track;
    tracks.push(track.value);
  }
  return ok(tracks.length === 0 ? 'all' : tracks);
}

function freezeMessage({ freezeId, tracks, fromMs, untilMs, setBy, reason }: Freeze): FreezeMessage {
  const names = tracks === 'all' ? [] : [...tracks];
  return { freezeId, tracks: names, fromMs: ms(fromMs), untilMs: ms(untilMs), setBy, reason };
}
