import type { ClusterId, TrackId } from '../../proto/ids.ts';
import type { State } from '../ledger/state/state.ts';
import type { Directive } from './directives.ts';

/** One open Watch stream. */
export type Joined<Told = Directive> = Readonly<{
  /** What is open for this cluster now: send these first. */
  current: readonly Told[];
  /** The stream has ended. May be called twice. */
  leave(): void;
}>;

type Stream = Readonly<{ tracks: readonly TrackId[]; listener: (directive: Directive) => void; build: string }>;

/** Who is connected and listens for which tracks. Lives as long as the streams do; never journalled. */
export class Presence {
  /** Only clusters that have one. */
  readonly #streams = new Map<ClusterId, Set<Stream>>();

  add(
    cluster: ClusterId,
    tracks: readonly TrackId[],
    listener: (directive: Directive) => void,
    build: string,
  ): () => void {
    const stream: Stream = { tracks, listener, build };
    const own = this.#streams.get(cluster) ?? new Set();
    this.#streams.set(cluster, own.add(stream));
    return () => {
      if (own.delete(stream) && own.size === 0) this.#streams.delete(cluster);
    };
  }

  /** What the newest stream's client says that it is; undefined where none is open. */
  buildOf(cluster: ClusterId): string | undefined {
    return [...(this.#streams.get(cluster) ?? [])].at(-1)?.build;
  }

  connected(): ReadonlySet<ClusterId> {
    return new Set(this.#streams.keys());
  }

  /** Connected for a track and in good standing. */
  eligible(state: State, track: TrackId): readonly ClusterId[] {
    const clusters: ClusterId[] = [];
    for (const [cluster, streams] of this.#streams) {
      if (listensFor(streams, track) && isInGoodStanding(state, cluster)) clusters.push(cluster);
    }
    return clusters;
  }

  tell(cluster: ClusterId, directive: Directive): void {
    for (const { tracks, listener } of [...(this.#streams.get(cluster) ?? [])]) {
      if (tracks.includes(directive.track)) listener(directive);
    }
  }
}

function listensFor(streams: ReadonlySet<Stream>, track: TrackId): boolean {
  for (const { tracks } of streams) if (tracks.includes(track)) return true;
  return false;
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
