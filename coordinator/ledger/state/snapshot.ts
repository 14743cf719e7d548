import type { MutableState } from './mutable-state.ts';
import { agentKey } from './releasing.ts';
import type { State, Track } from './state.ts';

/**
 * Raise it whenever `State` changes its shape, or a fold what it makes of an entry: snapshots of another version are not
 * read, the journal is folded.
 */
export const snapshotVersion = 8;

/** JSON text of the state: maps become lists of their values, each of which knows its own key. */
export function writeSnapshot(state: State): string {
  const { seq, federation, tracks, clusters, tokens, operators, agents, metadata, freezes } = state;
  return JSON.stringify({
    seq,
    federation,
    tracks: [...tracks.values()].map((track) => ({ ...track, rounds: [...track.rounds.values()] })),
    clusters: [...clusters.values()],
    tokens: [...tokens.values()],
    operators: [...operators.values()],
    agents: [...agents.values()],
    metadata,
    freezes: [...freezes.values()],
  });
}

type Stored = {
  [Key in keyof MutableState]: MutableState[Key] extends Map<unknown, infer Value> ? Value[] : MutableState[Key];
};
type StoredTrack = Omit<Track, 'rounds'> & {
  rounds: (Track['rounds'] extends ReadonlyMap<unknown, infer Round> ? Round : never)[];
};

/** The state that `writeSnapshot` wrote. Only for text whose digest was checked. */
export function readSnapshot(text: string): MutableState {
  const stored = JSON.parse(text) as Omit<Stored, 'tracks'> & { tracks: StoredTrack[] };
  return {
    seq: stored.seq,
    federation: stored.federation,
    tracks: mapBy(
      stored.tracks.map((track) => ({ ...track, rounds: mapBy(track.rounds, ({ round }) => round) })),
      ({ track }) => track,
    ),
    clusters: mapBy(stored.clusters, ({ cluster }) => cluster),
    tokens: mapBy(stored.tokens, ({ tokenId }) => tokenId),
    operators: mapBy(stored.operators, ({ name }) => name),
    agents: mapBy(stored.agents, ({ cluster, track }) => agentKey(cluster, track)),
    metadata: stored.metadata,
    freezes: mapBy(stored.freezes, ({ freezeId }) => freezeId),
  };
}

function mapBy<Key, Value>(values: readonly Value[], key: (value: Value) => Key): Map<Key, Value> {
  return new Map(values.map((value) => [key(value), value]));
}
