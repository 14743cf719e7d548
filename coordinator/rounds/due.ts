import type { EpochMs } from '../../base/time.ts';
import { openRoundOf, type State, type Track } from '../ledger/state/state.ts';
import type { Alarms } from '../queue/waker.ts';
import { nextRun, type Run } from '../round/schedule/next-run.ts';
import { servedBefore } from '../round/schedule/served-until.ts';
import { deadlineOf } from '../round/step.ts';
import { nextInputKeysEnd } from './kept-inputs.ts';

/** The next run of a track's schedule; undefined without a schedule, or while a round of the track is open. */
export function nextRunOf(state: State, track: Track, nowMs: EpochMs): Run | undefined {
  if (track.policy.schedule === null || openRoundOf(track) !== undefined) return undefined;
  return nextRun(track.policy.schedule, track.track, state.freezes.values(), servedBefore(track, nowMs), nowMs);
}

/** Everything that will become due by itself, from the state alone. */
export function alarmsOf(state: State, nowMs: EpochMs): Alarms {
  let nextMs: EpochMs | null = null;
  const note = (atMs: EpochMs | undefined) => {
    if (atMs !== undefined && (nextMs === null || atMs < nextMs)) nextMs = atMs;
  };
  const schedules: Alarms['schedules'][number][] = [];
  for (const track of state.tracks.values()) {
    if (track.policy.schedule !== null) schedules.push({ track: track.track, schedule: track.policy.schedule });
    note(nextRunOf(state, track, nowMs)?.opensAtMs);
    const round = openRoundOf(track);
    if (round !== undefined) note(deadlineOf(round.phase));
    note(nextInputKeysEnd(track));
  }
  return { nextMs, schedules };
}
