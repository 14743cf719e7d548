import type { EpochMs } from '../../base/time.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { Freeze, State } from '../ledger/state/state.ts';

/** Freezes that hold a track, now or later, soonest first. */
export function freezesOf({ freezes }: Pick<State, 'freezes'>, track: TrackId, nowMs: EpochMs): readonly Freeze[] {
  return [...freezes.values()]
    .filter(({ tracks, untilMs }) => nowMs < untilMs && (tracks === 'all' || tracks.includes(track)))
    .sort((a, b) => a.fromMs - b.fromMs || (a.freezeId < b.freezeId ? -1 : 1));
}
