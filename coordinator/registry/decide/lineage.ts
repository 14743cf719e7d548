import { channelOf } from '../../../proto/release/resolve.ts';
import { type Release, releaseOf, type TrackReleasing } from '../../ledger/state/releasing.ts';
import type { State, Track } from '../../ledger/state/state.ts';

/** Whether `version` was computed, over any number of rounds, from `ancestor`, or is it. */
export function descendsFrom(releasing: TrackReleasing, version: number, ancestor: number): boolean {
  let at: number | undefined = version;
  while (at !== undefined && at > ancestor) at = releaseOf(releasing, at)?.manifest.base?.version;
  return at === ancestor;
}

/**
 * The newest release that the track's training goes on from: those of a line that was given up (its base rolled back,
 * revoked or held) are released for the record, but no channel moves to them by itself.
 */
export function newestInLine({ releasing, headVersion }: Track): Release | undefined {
  return releasing.releases.findLast(
    ({ version, retired }) =>
      !retired && !releasing.revoked.includes(version) && descendsFrom(releasing, headVersion, version),
  );
}

/** A freeze of the track that holds now. */
export function isFrozen({ freezes }: Pick<State, 'freezes'>, track: Track['track'], nowMs: number): boolean {
  for (const { tracks, fromMs, untilMs } of freezes.values()) {
    if ((tracks === 'all' || tracks.includes(track)) && fromMs <= nowMs && nowMs < untilMs) return true;
  }
  return false;
}

/** Clusters in good standing that follow a channel of the track. */
export function membersOf({ clusters, metadata }: State, track: Track['track'], channel: string): readonly string[] {
  return [...clusters.values()]
    .filter(({ status, quarantined }) => status === 'enrolled' && !quarantined)
    .filter((member) => channelOf(member, track, metadata) === channel)
    .map(({ cluster }) => cluster);
}
