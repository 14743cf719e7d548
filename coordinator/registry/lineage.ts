import { type Release, releaseOf, type TrackReleasing } from '../state/releasing.ts';
import type { State, Track } from '../state/state.ts';

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

/** Clusters in good standing whose first fitting assignment of the track is this channel. */
export function membersOf(state: State, track: Track['track'], channel: string): readonly string[] {
  const assignments = state.metadata.assignments.filter((assignment) => assignment.track === track);
  const members: string[] = [];
  for (const { cluster, labels, status, quarantined } of state.clusters.values()) {
    if (status !== 'enrolled' || quarantined) continue;
    const first = assignments.find(({ subject }) =>
      'cluster' in subject ? subject.cluster === cluster : labels[subject.label.key] === subject.label.value,
    );
    if ((first?.channel ?? 'stable') === channel) members.push(cluster);
  }
  return members;
}
