import type { Fault } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { FederationId, TrackId } from '../../../proto/ids.ts';
import type { AntibodyPin, ReleaseTarget } from '../../../proto/release/documents/catalogue.ts';
import type { Resolution } from '../../../proto/release/resolve.ts';
import type { ReleaseTrust } from '../../../proto/release/trust.ts';
import type { ReleaseProposal } from '../../../proto/release/walk.ts';
import type { ModelName } from '../../scoring/score-protocol.ts';
import type { Who } from '../agent-ports.ts';
import type { AgentState, HeldRelease, HeldTrack } from '../agent-store.ts';
import type { FetchedRelease } from '../fetch-release.ts';
import type { ReleaseMessage } from '../release-calls.ts';

/** A release whose files are here and that its host has loaded and warmed, under this name. */
export type Loaded = Readonly<{ release: FetchedRelease; name: ModelName }>;

export type RunningTrack = Readonly<{ live: Loaded | null; shadow: Loaded | null }>;

/** The newest set that passed, and whom it was sent to. */
export type Latest = ReleaseMessage;

export type Faulted = Readonly<{ fault: Fault; version: number | undefined; atMs: EpochMs }>;

/** What a set says of one track. */
export type Said = Readonly<{
  track: TrackId;
  resolution: Resolution;
  /** What operators hold this cluster to of its antibodies. */
  antibodyPins: readonly AntibodyPin[];
}>;

/** What one track needs for it, loaded beside what runs. */
export type Prepared = Said &
  Readonly<{
    live: Loaded;
    shadow: Loaded | null;
    /** The shadow could not be prepared or started, and was refused; the live version does not wait for it. */
    lacksShadow: boolean;
  }>;

/** A release that is to be fetched and loaded. */
export type Wanted = Readonly<{
  track: TrackId;
  target: ReleaseTarget;
  antibodyPins: readonly AntibodyPin[];
  as: 'live' | 'shadow';
}>;

export type Unwanted = Readonly<{ track: TrackId; name: ModelName }>;

/** How one track gets from what runs to what was prepared, in this order. */
export type Move = 'endShadow' | 'swap' | 'startShadow';

export type Restorable = Readonly<{ track: TrackId; candidates: readonly HeldRelease[] }>;

export type Ended = Readonly<{ kind: 'ended'; isDone: boolean }>;
export type Checking = Readonly<{ kind: 'checking'; overtaken: number }>;
export type Preparing = Readonly<{
  kind: 'preparing';
  federation: FederationId;
  said: readonly Said[];
  left: readonly Wanted[];
  /** The first of `left`, once its files are here. */
  fetched: FetchedRelease | null;
  prepared: readonly Prepared[];
  isComplete: boolean;
  overtaken: number;
}>;
export type Dropping = Readonly<{ kind: 'dropping'; left: readonly Unwanted[]; rest: Checking | Ended }>;
export type Persisting = Readonly<{
  kind: 'persisting';
  next: AgentState;
  proposal: ReleaseProposal;
  prepared: readonly Prepared[];
  isComplete: boolean;
}>;
export type Committing = Readonly<{
  kind: 'committing';
  proposal: ReleaseProposal;
  /** What every track held before the write that made the new versions true. */
  before: AgentState['tracks'];
  left: readonly Prepared[];
  /** Moves of the first of `left`; null before it began. */
  moves: readonly Move[] | null;
  /** What ran on that track when it began. */
  was: RunningTrack;
  changed: boolean;
  isComplete: boolean;
  /** Loaded, and of no use. */
  unwanted: readonly Unwanted[];
}>;

/** What the agent is at. One thing at a time: models are never swapped while they are compared. */
export type Turn = Readonly<
  | { kind: 'idle' }
  /** At start: the first candidate of the first track is tried. */
  | {
      kind: 'restoring';
      federation: FederationId;
      left: readonly Restorable[];
      fetched: FetchedRelease | null;
      loaded: Loaded | null;
      /** Loaded, and could not be made live. */
      unwanted: Unwanted | null;
    }
  /** Newer roots go to disk before anything else. */
  | { kind: 'rooting'; next: AgentState; count: number }
  | Checking
  | Preparing
  | Dropping
  | Persisting
  | Committing
  /** What is on disk must be what scores: a swap that failed is taken back there. */
  | { kind: 'undoing'; next: AgentState; fault: Fault; rest: Committing }
  | { kind: 'pruning' }
  | Ended
  | { kind: 'reporting'; left: readonly TrackId[] }
  | { kind: 'closing'; left: readonly TrackId[] }
  | { kind: 'closed' }
>;

/** Everything that is true in an agent. Plain data; the shell in `release-agent.ts` performs the effects. */
export type Agent = Readonly<{
  tracks: readonly TrackId[];
  /** Releases that stay for a rollback, beside the live one. */
  keep: number;
  anchorFile: Uint8Array | undefined;
  /** What made the stored state unusable: then nothing new is trusted or installed. */
  storeFault: Fault | undefined;
  who: Who | undefined;
  connected: boolean;
  /** As it lies on disk. */
  stored: AgentState;
  /** What was seen to be good in this run, so that an older set is refused before the newer one's files are here. */
  seen: ReleaseTrust | null;
  /** Where trust began in this run, and the roots that have followed, until they are stored. */
  anchor: ReleaseTrust | null;
  roots: readonly Uint8Array[];
  latest: Latest | null;
  running: ReadonlyMap<TrackId, RunningTrack>;
  /** The last refusal of a track, or of the metadata for all, that nothing has mended since. */
  faults: ReadonlyMap<TrackId | undefined, Faulted>;
  /** What was last reported of a track, so that the hourly signature is no news. */
  said: ReadonlyMap<TrackId, string>;
  turn: Turn;
  /** The answer that the turn waits for. */
  awaits: string | null;
  /** Something came that another turn must look at. */
  asked: boolean;
  /** When the last such turn began: what had ended by then it has seen. */
  begunAtMs: EpochMs;
  reportsDue: boolean;
  stopping: boolean;
  retry: Readonly<{ attempt: number; isWaiting: boolean }>;
}>;

export type AgentBeginning = Readonly<Pick<Agent, 'tracks' | 'keep' | 'anchorFile' | 'storeFault' | 'stored'>>;

export function newAgent(beginning: AgentBeginning): Agent {
  return {
    ...beginning,
    who: undefined,
    connected: false,
    seen: beginning.stored.trust,
    anchor: null,
    roots: [],
    latest: null,
    running: new Map(),
    faults: new Map(),
    said: new Map(),
    turn: { kind: 'idle' },
    awaits: null,
    asked: false,
    begunAtMs: 0,
    reportsDue: false,
    stopping: false,
    retry: { attempt: 0, isWaiting: false },
  };
}

export const nothingRuns: RunningTrack = { live: null, shadow: null };

export function runningOf({ running }: Agent, track: TrackId): RunningTrack {
  return running.get(track) ?? nothingRuns;
}

export function heldOf({ tracks }: AgentState, track: TrackId): HeldTrack {
  return (Object.hasOwn(tracks, track) ? tracks[track] : undefined) ?? { live: null, earlier: [] };
}

/** 0 where the track has none. */
export function floorOf({ trust }: AgentState, track: TrackId): number {
  const floors = trust?.floors ?? {};
  return Object.hasOwn(floors, track) ? (floors[track as keyof typeof floors] ?? 0) : 0;
}

/** Whether this cluster has ever trusted signed metadata, or was given an anchor to do so. */
export function isAnchored({ seen, storeFault, anchorFile }: Agent): boolean {
  return seen !== null || storeFault !== undefined || anchorFile !== undefined;
}
