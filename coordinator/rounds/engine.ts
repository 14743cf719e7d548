import type { Result } from '../../base/fault.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Actor, JournalEvent } from '../ledger/journal/events.ts';
import type { JournalFaultCode, JournalHead } from '../ledger/journal/journal.ts';
import type { State } from '../ledger/state/state.ts';
import type { RoundFaultCode } from '../round/faults.ts';
import type { EpochMs, ModelRef, UpdateHeader } from '../round/phase.ts';
import type { PlannedRound } from '../round/planned-rounds.ts';
import type { TrackPolicy, TrainingPlan } from '../round/policy.ts';
import type { Replay, ReplayFaultCode } from './kept-inputs.ts';

/** The store could not keep it: nothing happened, and the caller may try again after a pause. */
export type StoreFaultCode = JournalFaultCode;

/** What a decision wants written, and what it answers once that is durable. */
export type Decision<Value> = Readonly<{ events: readonly JournalEvent[]; value: Value }>;
/** The answer, and the entries that made it so (empty when nothing had to be written). */
export type Committed<Value> = Readonly<{ value: Value; entries: readonly JournalEntry[] }>;

/** What a receipt says; grpc/ signs it. The same update always gets the same receipt, to the byte. */
export type ReceiptData = Readonly<{
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  cluster: ClusterId;
  payloadDigest: Digest;
  /** Position of the acceptance in the journal. */
  sequence: number;
  acceptedAtMs: EpochMs;
}>;

/** What a header may do before any byte of its payload is read. */
export type Admission = Readonly<
  { kind: 'upload'; payloadBytes: number } | { kind: 'alreadyAccepted'; receipt: ReceiptData }
>;

/** What the coordinator wants of one cluster; grpc/ turns these into WatchResponse. */
export type Directive = Readonly<
  | {
      kind: 'invitation';
      federation: FederationId;
      track: TrackId;
      round: RoundId;
      base: ModelRef;
      modelBytes: number;
      spec: ModelSpec;
      schemaDigest: Digest;
      /** Base64, 32 bytes. */
      roundKey: string;
      closesAtMs: EpochMs;
      training: TrainingPlan;
      /** For everything random in this cluster's training. */
      seed: number;
    }
  | {
      kind: 'closed';
      track: TrackId;
      round: RoundId;
      outcome: 'aggregating' | 'candidate' | 'abandoned';
      /** The round that a straggler may join next; null when none is planned. */
      nextRound: RoundId | null;
    }
>;

/** One open Watch stream. */
export type Membership = Readonly<{
  /** What is open for this cluster now: send these first. */
  current: readonly Directive[];
  /** The stream has ended. May be called twice. */
  leave(): void;
}>;

export type NewTrack = Readonly<{
  track: TrackId;
  spec: ModelSpec;
  policy: TrackPolicy;
  /** A blob already stored in `engine.blobs`: the initial model, 4 bytes a value. */
  modelDigest: Digest;
  reason: string;
}>;

export type Refusal = Readonly<{
  what: Extract<JournalEvent, { kind: 'refused' }>['what'];
  code: string;
  /** For the operator; never sent to the peer. No keys, tokens or weights. */
  cause: string;
  alarm?: boolean;
  track?: string;
  round?: string;
  cluster?: string;
  payloadDigest?: string;
}>;

export type OperationFaultCode =
  | 'TRACK_EXISTS'
  | 'TRACK_NOT_FOUND'
  | 'POLICY_INVALID'
  | 'SPEC_INVALID'
  | 'SPEC_TOO_LARGE'
  | 'MODEL_NOT_FOUND'
  | 'LENGTH_MISMATCH'
  | 'ROUND_NOT_FOUND'
  | 'ROUND_OPEN'
  | 'ROUND_ENDED'
  | 'FROZEN'
  | 'ROUNDS_EXHAUSTED';

/**
 * The coordinator behind its doors: everything that grpc/, cli/ and registry/ may do. Every promise that resolves ok
 * resolves after the journal has synced what it says. Made by `openEngine` (engine/open-engine.ts).
 */
export interface Engine {
  readonly federation: FederationId;
  /** The fencing epoch of this run. */
  readonly epoch: number;
  readonly blobs: BlobStore;

  /** Only durable facts. Belongs to the engine: read it, do not keep it across an await, never change it. */
  state(): State;
  /**
   * The one way to write. `decide` runs at once, alone, against everything decided before it (durable or not yet), and
   * must be pure and synchronous: returns events and an answer, or a refusal. The events become durable together; then
   * the answer resolves. No events: the answer resolves once everything that `decide` saw is durable.
   */
  commit<Value, Code extends string>(
    actor: Actor,
    decide: (state: State, atMs: EpochMs) => Result<Decision<Value>, Code>,
  ): Promise<Result<Committed<Value>, Code | StoreFaultCode>>;
  /** Audits a refusal (I9). Never fails its caller; floods of one peer and code are summed up. */
  refuse(actor: Actor, refusal: Refusal): void;

  /** The journal as an audit log, from position `fromSeq`, at most `limit` entries. */
  audit(fromSeq: number, limit: number): Promise<Result<readonly JournalEntry[], JournalFaultCode>>;
  /** Every entry once it is durable, in order. Returns the end of the subscription. Listeners must not throw. */
  follow(listener: (entry: JournalEntry) => void): () => void;
  verify(): Promise<Result<JournalHead, JournalFaultCode>>;

  createTrack(actor: Actor, track: NewTrack): Promise<Result<Committed<ModelRef>, OperationFaultCode | StoreFaultCode>>;
  setPolicy(
    actor: Actor,
    change: Readonly<{ track: TrackId; policy: TrackPolicy; reason: string }>,
  ): Promise<Result<Committed<ModelRef>, OperationFaultCode | StoreFaultCode>>;
  /** Opens a round now; recruiting may end it. Refused while another round of the track runs. */
  openRound(
    actor: Actor,
    request: Readonly<{ track: TrackId; reason: string }>,
  ): Promise<Result<Committed<RoundId>, OperationFaultCode | StoreFaultCode>>;
  cancelRound(
    actor: Actor,
    request: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
  ): Promise<Result<Committed<RoundId>, OperationFaultCode | StoreFaultCode>>;
  /**
   * Computes a round's candidate again from its sealed updates and the keys that its policy kept of them, and compares.
   * Journalled before anything is opened, and again with what came of it. One at a time.
   */
  replayRound(
    actor: Actor,
    request: Readonly<{ track: TrackId; round: RoundId; reason: string }>,
    signal?: AbortSignal,
  ): Promise<Result<Replay, ReplayFaultCode | StoreFaultCode>>;
  /** Dry run: what the schedules would open until then, soonest first, at most 1,000. */
  planRounds(untilMs: EpochMs): readonly PlannedRound[];

  /** A cluster watches these tracks: it becomes eligible, and `listener` gets each later directive. */
  join(cluster: ClusterId, tracks: readonly TrackId[], listener: (directive: Directive) => void): Membership;
  isConnected(cluster: ClusterId): boolean;

  /**
   * What may be said before the payload is read: is this cluster (the TLS peer, whose signature over the header has
   * been checked) in the cohort of that round, do base, schema and length fit, is there an earlier update?
   */
  checkUpdate(peer: ClusterId, header: UpdateHeader): Result<Admission, RoundFaultCode>;
  /**
   * The payload lies in `blobs` under header.payloadDigest. Journals the acceptance; the receipt data comes back once
   * it is durable. The same digest again gives the same receipt, another one UPDATE_CONFLICT and an alarm.
   */
  acceptUpdate(
    peer: ClusterId,
    header: UpdateHeader,
    signature: Uint8Array,
  ): Promise<Result<ReceiptData, RoundFaultCode | StoreFaultCode | 'PAYLOAD_MISSING'>>;
  /** The receipt of an update accepted earlier, for UploadStatus. */
  receiptOf(peer: ClusterId, track: TrackId, round: RoundId, payloadDigest: Digest): ReceiptData | undefined;

  /** Does whatever is due now. Queues and watchdogs call it; calling it too often costs little. */
  wake(): void;
  /** Resolves when the engine can go on no longer (stale epoch, failed disk), with the reason. Then close and exit. */
  readonly halted: Promise<Readonly<{ code: StoreFaultCode; message: string }>>;
  /** Ends what runs, writes a snapshot, lets go of journal and lock. May be called twice. */
  close(): Promise<void>;
}
