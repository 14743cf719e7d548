import type { ClusterId, FederationId, TrackId } from '../../../proto/ids.ts';
import type { JournalEntry } from '../journal/entry.ts';
import { type AgentState, type MetadataState, noMetadata } from './releasing.ts';
import type { Cluster, DoorMember, Freeze, Operator, State, Token, Track } from './state.ts';

/** The state as the fold sees it: maps that change, values that are replaced. Everyone else reads `State`. */
export type MutableState = {
  seq: number;
  federation: FederationId | null;
  tracks: Map<TrackId, Track>;
  clusters: Map<ClusterId, Cluster>;
  tokens: Map<string, Token>;
  operators: Map<string, Operator>;
  doors: Map<string, DoorMember>;
  agents: Map<string, AgentState>;
  metadata: MetadataState;
  freezes: Map<string, Freeze>;
};

/** Which entry is folded: its place, its time and who made it. */
export type EntryContext = Pick<JournalEntry, 'seq' | 'atMs' | 'actor'>;

export function emptyState(): MutableState {
  return {
    seq: 0,
    federation: null,
    tracks: new Map(),
    clusters: new Map(),
    tokens: new Map(),
    operators: new Map(),
    doors: new Map(),
    agents: new Map(),
    metadata: noMetadata,
    freezes: new Map(),
  };
}

/** Another state with the same values: folding into one leaves the other alone. */
export function copyState(state: State): MutableState {
  const { seq, federation, tracks, clusters, tokens, operators, doors, agents, metadata, freezes } = state;
  return {
    seq,
    federation,
    tracks: new Map(tracks),
    clusters: new Map(clusters),
    tokens: new Map(tokens),
    operators: new Map(operators),
    doors: new Map(doors),
    agents: new Map(agents),
    metadata,
    freezes: new Map(freezes),
  };
}

export function replaceTrack(state: MutableState, id: TrackId, change: (track: Track) => Track): void {
  const track = state.tracks.get(id);
  if (track === undefined) throw new Error(`fold: there is no track ${id}`);
  state.tracks.set(id, change(track));
}
