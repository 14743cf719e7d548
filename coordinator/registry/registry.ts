import type { Fault, Result } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClusterId, Digest, TrackId } from '../../proto/ids.ts';
import type { Assignment, Pins, Subject } from '../../proto/release/documents/catalogue.ts';
import type { Actor } from '../ledger/journal/events.ts';
import type { AgentState, GateState, MetadataRef, Release, TrackReleasing } from '../ledger/state/releasing.ts';
import type { StoreFaultCode } from '../ledger/store.ts';

/** What every change has: why (1 to 500 characters), and whether it is only to be tried. */
export type ChangeOptions = Readonly<{ reason: string; dryRun?: boolean }>;

/** What a change does to one cluster; versions are null where it runs none. */
export type Effect = Readonly<{
  cluster: ClusterId;
  track: TrackId;
  before: number | null;
  after: number | null;
  /** What runs beside it without counting. */
  shadowBefore: number | null;
  shadowAfter: number | null;
  /** For people: the pin or channel that decides after the change, or why nothing does. */
  because: string;
}>;

/** A change that is journalled (and, unless signing is in trouble, signed and pushed); `sequence` 0 for a dry run. */
export type Changed = Readonly<{ sequence: number; effects: readonly Effect[] }>;

export type RegistryFaultCode =
  | 'TRACK_NOT_FOUND'
  | 'VERSION_NOT_FOUND'
  /** Its files are gone: retention removed them. Import it again first. */
  | 'VERSION_RETIRED'
  | 'VERSION_REVOKED'
  | 'BELOW_FLOOR'
  /** Promotion goes forward; `rollBack` goes back. */
  | 'VERSION_NOT_NEWER'
  /** The track's policy has a gate that this version has not passed: override it, with a reason. */
  | 'GATE_NOT_PASSED'
  | 'CHANNEL_NOT_FOUND'
  /** `stable` moves by promotion and rollback alone; `stable` and `canary` stay. */
  | 'CHANNEL_RESERVED'
  | 'CHANNEL_ASSIGNED'
  | 'CHANNEL_INVALID'
  | 'CHANNELS_EXHAUSTED'
  | 'NOTHING_TO_CHANGE'
  | 'ASSIGNMENTS_EXHAUSTED'
  | 'GATE_NOT_OPEN'
  /** The same person approves twice. */
  | 'APPROVAL_REPEATED'
  | 'REASON_INVALID'
  | 'PINS_INVALID'
  | 'PINS_STALE'
  | 'PINS_UNSIGNED'
  | 'PIN_ILLEGAL'
  | 'ROOT_INVALID'
  | 'ROOT_KEY_UNKNOWN'
  | 'ROOT_ABSENT'
  | 'RELEASE_KEY_ABSENT'
  | 'IMPORT_INVALID'
  | 'IMPORT_UNTRUSTED'
  | 'IMPORT_CONFLICT'
  | 'IMPORT_OUT_OF_TURN'
  | 'ROUND_OPEN'
  | 'RELEASE_INCOMPLETE';

export type ChangeResult = Promise<Result<Changed, RegistryFaultCode | StoreFaultCode>>;
/** With the version that was chosen. */
export type MoveResult = Promise<Result<Changed & Readonly<{ version: number }>, RegistryFaultCode | StoreFaultCode>>;

/** One role's signed bytes as they are served. */
export type SignedPiece = MetadataRef & Readonly<{ body: Uint8Array }>;

/** One complete set, of one era. `pins` is null as long as root names no pin key. */
export type SignedSet = Readonly<{
  /** Oldest first, without gaps, from version 1. */
  roots: readonly SignedPiece[];
  timestamp: SignedPiece;
  snapshot: SignedPiece;
  catalogue: SignedPiece;
  pins: SignedPiece | null;
}>;

/** What operators see of the gate of one version. */
export type GateView = Readonly<{
  state: GateState;
  /** What the reports so far say by themselves: the decision that would be taken now. */
  now: Readonly<{ verdict: 'waiting' | 'promote' | 'hold' | 'reject'; reasons: readonly string[] }>;
  /** When silence becomes a hold. */
  deadlineMs: EpochMs | null;
  approvalsNeeded: number;
}>;

export type PendingPins = Readonly<{ bytes: Uint8Array; pins: Pins; signers: readonly string[]; threshold: number }>;

/**
 * The registry of releases. Reads show durable facts. Changes answer once they are journalled; the catalogue that says
 * so is signed and pushed to every agent at once afterwards.
 */
export interface Registry {
  // -- reads
  /** Newest first. Undefined when there is no such track. */
  releases(track: TrackId): readonly Release[] | undefined;
  release(track: TrackId, version: number): Release | undefined;
  /** Channels, floor, revoked versions of a track. */
  releasing(track: TrackId): TrackReleasing | undefined;
  assignments(): readonly Assignment[];
  /** What each cluster last reported, by its signed acknowledgements. */
  agents(track: TrackId): readonly AgentState[];
  /** Undefined where the version never was in front of the gate. */
  gate(track: TrackId, version: number): GateView | undefined;
  /** What each enrolled cluster should run now. */
  resolved(track: TrackId): readonly Effect[];
  /** Undefined until this run has signed one: what an earlier run signed is never served. */
  signedSet(): SignedSet | undefined;
  pins(): Pins | null;
  /** Pins that wait for further operators' signatures. */
  pendingPins(): Promise<PendingPins | null>;

  // -- changes
  /** Moves `channel` (stable unless named) forward to `version` (what canary runs, unless named); raises the floor. */
  promote(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; version?: number; channel?: string }>,
  ): MoveResult;
  /** Moves stable back, to the version before unless named; never below the floor. */
  rollBack(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version?: number }>): MoveResult;
  revoke(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; version: number }>): ChangeResult;
  /** Makes or moves a channel of the operators' own, or canary. `shadows`: the channel whose version stays live. */
  setChannel(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; channel: string; version: number; shadows?: string | null }>,
  ): ChangeResult;
  removeChannel(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; channel: string }>): ChangeResult;
  /** In front of all others of the track for the same subject, whose earlier assignment it replaces. */
  assign(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; channel: string; subject: Subject }>,
  ): ChangeResult;
  unassign(actor: Actor, change: ChangeOptions & Readonly<{ track: TrackId; subject: Subject }>): ChangeResult;
  /** Where the policy asks for two approvals, the first is kept and the second, by someone else, decides. */
  overrideGate(
    actor: Actor,
    change: ChangeOptions & Readonly<{ track: TrackId; version: number; decision: 'promote' | 'reject' }>,
  ): ChangeResult;
  /** A signed pins document. Kept as pending until root's threshold of pin keys has signed the same version. */
  proposePins(
    actor: Actor,
    change: ChangeOptions & Readonly<{ pins: Uint8Array }>,
  ): Promise<
    Result<Changed & Readonly<{ pending: boolean; signers: readonly string[] }>, RegistryFaultCode | StoreFaultCode>
  >;
  /** The next root, signed by the threshold of the old and of the new; with pins, where the old ones no longer verify. */
  publishRoot(actor: Actor, change: ChangeOptions & Readonly<{ root: Uint8Array; pins?: Uint8Array }>): ChangeResult;
  /** Makes the coordinator's next release, snapshot and timestamp keys: a root that names them switches to them. */
  prepareKeys(): Promise<Result<Readonly<Record<'release' | 'snapshot' | 'timestamp', Uint8Array>>, StoreFaultCode>>;
  importRelease(
    actor: Actor,
    change: ChangeOptions & Readonly<{ file: AsyncIterable<Uint8Array>; trustedRoot?: Uint8Array }>,
  ): Promise<
    Result<Changed & Readonly<{ track: TrackId; version: number }>, RegistryFaultCode | StoreFaultCode | 'DISK_FULL'>
  >;
  /** A single file (docs/releases.md): roots, catalogue, manifest, files. */
  exportRelease(track: TrackId, version: number): Result<AsyncIterable<Uint8Array>, RegistryFaultCode>;
  /** Size of a file that agents may fetch: a release's or a manifest; undefined for every other blob. */
  servedBytes(digest: Digest): number | undefined;
  /** Told after each newly signed set. Returns the end of the subscription. */
  follow(listener: (set: SignedSet) => void): () => void;
  /** Signing that does not work at present, if any: for health and the operators' listing. */
  trouble(): Fault | undefined;
  /** May be called twice. */
  close(): Promise<void>;
}
