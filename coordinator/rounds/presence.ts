import type { ClusterId, TrackId } from '../../proto/ids.ts';
import type { State } from '../ledger/state/state.ts';
import type { Directive } from './directives.ts';

/** One open Watch stream. */
export type Joined = Readonly<{
  /** What is open for this cluster now: send these first. */
  current: readonly Directive[];
  /** The stream has ended. May be called twice. */
  leave(): void;
}>;

type Stream = Readonly<{ cluster: ClusterId; tracks: readonly TrackId[]; listener: (directive: Directive) => void }>;

/** Who is connected and listens for which tracks. Lives as long as the streams do; never journalled. */
export class Presence {
  #streams = new Set<Stream>();

  add(cluster: ClusterId, tracks: readonly TrackId[], listener: (directive: Directive) => void): () => void {
    const stream: Stream = { cluster, tracks, listener };
    this.#streams.add(stream);
    return () => void this.#streams.delete(stream);
  }

  isConnected(cluster: ClusterId): boolean {
    for (const stream of this.#streams) if (stream.cluster === cluster) return true;
    return false;
  }

  connected(): ReadonlySet<ClusterId> {
    return new Set([...this.#streams].map(({ cluster }) => cluster));
  }

  /** Connected for a track and in good standing. */
  eligible(state: State, track: TrackId): readonly ClusterId[] {
    const clusters = new Set<ClusterId>();
    for (const stream of this.#streams) {
      if (stream.tracks.includes(track) && isInGoodStanding(state, stream.cluster)) clusters.add(stream.cluster);
    }
    return [...clusters];
  }

  tell(cluster: ClusterId, directive: Directive): void {
    for (const stream of this.#streams) {
      if (stream.cluster === cluster && stream.tracks.includes(directive.track)) stream.listener(directive);
    }
  }
}

export function isInGoodStanding(state: State, cluster: ClusterId): boolean {
  const known = state.clusters.get(cluster);
  return known !== undefined && known.status === 'enrolled' && !known.quarantined;
}

export function enrolledCount(state: State): number {
  let count = 0;
  for (const { status, quarantined } of state.clusters.values()) if (status === 'enrolled' && !quarantined) count++;
  return count;
}
