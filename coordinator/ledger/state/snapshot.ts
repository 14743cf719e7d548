import type { MutableState } from './mutable-state.ts';
import { agentKey } from './releasing.ts';
import type { State, Track } from './state.ts';

/**
 * Raise it whenever `State` changes its shape, or a fold what it makes of an entry, of a new kind too: snapshots of another version
 * are not read, the journal is folded.
 */
export const snapshotVersion = 12;

/** So many characters are written in one turn of the event loop: a few milliseconds. */
const turnLength = 2 ** 18;
const valuesPerPiece = 256;

/**
 * JSON text of the state: maps become lists of their values, each of which knows its own key. Written in turns, for that of a
 * hundred thousand members takes a second: hand it a state that stays as it is meanwhile.
 */
export async function writeSnapshot(state: State): Promise<string> {
  const pieces: string[] = [];
  let length = 0;
  for (const piece of piecesOf(state)) {
    pieces.push(piece);
    length += piece.length;
    if (length < turnLength) continue;
    length = 0;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return pieces.join('');
}

function* piecesOf(state: State): Generator<string> {
  const { seq, federation, tracks, clusters, tokens, operators, doors, agents, metadata, freezes } = state;
  yield objectStart({ seq, federation, metadata });
  yield ',"tracks":[';
  let isFirst = true;
  for (const { rounds, ...track } of tracks.values()) {
    yield isFirst ? objectStart(track) : `,${objectStart(track)}`;
    yield* listOf('rounds', rounds, 1);
    yield '}';
    isFirst = false;
  }
  yield ']';
  for (const [name, values] of Object.entries({ clusters, tokens, operators, doors, agents, freezes })) {
    yield* listOf(name, values, valuesPerPiece);
  }
  yield '}';
}

function objectStart(values: object): string {
  return JSON.stringify(values).slice(0, -1);
}

/** One more property of an object that is open. */
function* listOf(name: string, map: ReadonlyMap<unknown, unknown>, perPiece: number): Generator<string> {
  yield `,${JSON.stringify(name)}:[`;
  let piece: unknown[] = [];
  let isFirst = true;
  const written = () => {
    const text = JSON.stringify(piece).slice(1, -1);
    piece = [];
    const joined = isFirst ? text : `,${text}`;
    isFirst = false;
    return joined;
  };
  for (const value of map.values()) {
    piece.push(value);
    if (piece.length === perPiece) yield written();
  }
  if (piece.length > 0) yield written();
  yield ']';
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
    doors: mapBy(stored.doors, ({ name }) => name),
    agents: mapBy(stored.agents, ({ cluster, track }) => agentKey(cluster, track)),
    metadata: stored.metadata,
    freezes: mapBy(stored.freezes, ({ freezeId }) => freezeId),
  };
}

function mapBy<Key, Value>(values: readonly Value[], key: (value: Value) => Key): Map<Key, Value> {
  return new Map(values.map((value) => [key(value), value]));
}
