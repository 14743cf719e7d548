import type { TrackId } from '../../proto/ids.ts';
import type { Assignment } from '../../proto/release/documents/catalogue.ts';
import { channelOf } from '../../proto/release/resolve.ts';
import type { State, Track } from '../ledger/state/state.ts';

/** A channel, and how many enrolled clusters follow it; those that a pin holds are among them. */
export type ChannelView = Readonly<{ name: string; version: number; shadows: string | null; clusterCount: number }>;

export type ChannelsView = Readonly<{
  /** By name. */
  channels: readonly ChannelView[];
  /** The first that fits a cluster counts. */
  assignments: readonly Assignment[];
  floor: number;
}>;

export function channelsView(
  { clusters }: Pick<State, 'clusters'>,
  { track, releasing: { channels, floor } }: Pick<Track, 'track' | 'releasing'>,
  assignments: readonly Assignment[],
): ChannelsView {
  const followers = followersOf(clusters, track, assignments);
  const sorted = Object.entries(channels).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    channels: sorted.map(([name, { version, shadows }]) => ({
      name,
      version,
      shadows,
      clusterCount: followers.get(name) ?? 0,
    })),
    assignments: assignments.filter((assignment) => assignment.track === track),
    floor,
  };
}

function followersOf(
  clusters: State['clusters'],
  track: TrackId,
  assignments: readonly Assignment[],
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { cluster, labels, status } of clusters.values()) {
    if (status !== 'enrolled') continue;
    const channel = channelOf({ cluster, labels }, track, { assignments });
    counts.set(channel, (counts.get(channel) ?? 0) + 1);
  }
  return counts;
}
