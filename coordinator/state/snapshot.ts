import type { MutableState } from './mutable-state.ts';
import type { State, Track } from './state.ts';

/** Raise it whenever `State` changes its shape: snapshots of another version are not read, the journal is folded. */
export const snapshotVersion = 1;

/** JSON text of the state: maps become lists of their values, each of which knows its own key. */
export function writeSnapshot(state: State): string {
  const { seq, federation, tracks, clusters, tokens, operators, pins, freezes } = state;
  return JSON.stringify({
    seq,
    federation,
    tracks: [...tracks.values()].map((track) => ({
      ...track,
      rounds: [...track.rounds.values()],
      channels: [...track.channels],
    })),
    clusters: [...clusters.values()],
    tokens: [...tokens.values()],
    operators: [...operators.values()],
    pins: [...pins.values()],
    freezes: [...freezes.values()],
  });
}

type Stored = {
  [Key in keyof MutableState]: MutableState[Key] extends Map<unknown, infer Value> ? Value[] : MutableState[Key];
};
type StoredTrack = Omit<Track, 'rounds' | 'channels'> & {
  rounds: (Track['rounds'] extends ReadonlyMap<unknown, infer Round> ? Round : never)[];
  channels: [string, number][];
};

/** The state that `writeSnapshot` wrote. Only for text whose digest was checked. */
export function readSnapshot(text: string): MutableState {
  const stored = JSON.parse(text) as Omit<Stored, 'tracks'> & { tracks: StoredTrack[] };
  return {
    seq: stored.seq,
    federation: stored.federation,
    tracks: mapBy(
      stored.tracks.map((track) => ({
        ...track,
        rounds: mapBy(track.rounds, ({ round }) => round),
        channels: new Map(track.channels),
      })),
      ({ track }) => track,
    ),
    clusters: mapBy(stored.clusters, ({ cluster }) => cluster),
    tokens: mapBy(stored.tokens, ({ tokenId }) => tokenId),
    operators: mapBy(stored.operators, ({ name }) => name),
    pins: mapBy(stored.pins, ({ pinId }) => pinId),
    freezes: mapBy(stored.freezes, ({ freezeId }) => freezeId),
  };
}

function mapBy<Key, Value>(values: readonly Value[], key: (value: Value) => Key): Map<Key, Value> {
  return new Map(values.map((value) => [key(value), value]));
}
