import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../../proto/ids.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { ListOf } from '../../round/growing-list.ts';
import type { ModelRef, RoundEffect, RoundPhase } from '../../round/phase.ts';
import type { TrackPolicy } from '../../round/policy.ts';
import type { RoundRules } from '../../round/rules.ts';
import type { Standing } from '../../round/standing.ts';
import type {
  EvidenceHead,
  JournalEvent,
  KnownAntibody,
  Labels,
  OperatorRole,
  TrackSample,
} from '../journal/events.ts';
import type { AgentState, MetadataState, TrackReleasing } from './releasing.ts';

/** The fold of the journal: everything the coordinator knows, as plain data behind read-only types. */
export type State = Readonly<{
  /** Position of the last entry folded in. */
  seq: number;
  federation: FederationId | null;
  tracks: ReadonlyMap<TrackId, Track>;
  clusters: ReadonlyMap<ClusterId, Cluster>;
  /** By token id. */
  tokens: ReadonlyMap<string, Token>;
  /** By name. */
  operators: ReadonlyMap<string, Operator>;
  /** By name. */
  doors: ReadonlyMap<string, DoorMember>;
  /** By `agentKey`. */
  agents: ReadonlyMap<string, AgentState>;
  metadata: MetadataState;
  /** By freeze id; only those not lifted. */
  freezes: ReadonlyMap<string, Freeze>;
}>;

export type Track = Readonly<{
  track: TrackId;
  spec: ModelSpec;
  schemaDigest: Digest;
  /** Size of a model of this track, bytes. */
  modelBytes: number;
  policy: TrackPolicy;
  /** The policy that a start set last, by the file of its configuration; null: none did. */
  declaredPolicy: TrackPolicy | null;
  reason: string;
  /** Every trusted sample, by version: samples[v].version is v + 1. */
  samples: readonly TrackSample[];
  /** What was confirmed of attacks, oldest first, the revoked and the expired too. */
  antibodies: readonly KnownAntibody[];
  /** Every global model, by version: models[v].version is v. */
  models: readonly Model[];
  /** The version that the next round starts from. */
  headVersion: number;
  /** The schedule's occurrences up to here have had their round. */
  servedUntilMs: EpochMs;
  /** When the first entry was made by a clock that has not come so far; absent once it has. */
  setRightAtMs?: EpochMs | undefined;
  /** By cluster: its record over all rounds of the track. */
  standings: Readonly<Record<string, Standing>>;
  /** The last rounds in full, oldest first; at most `roundsKept`, and every round that has not ended. */
  rounds: ReadonlyMap<RoundId, Round>;
  /** How many rounds there have been: the next one is r-<roundCount + 1>. */
  roundCount: number;
  releasing: TrackReleasing;
}>;

export type Model = Readonly<{
  version: number;
  digest: Digest;
  createdAtMs: EpochMs;
  /** null for the initial model. */
  round: RoundId | null;
  provenance: Digest | null;
  optimiserState: Digest | null;
}>;

export type Round = Readonly<{
  track: TrackId;
  round: RoundId;
  rules: RoundRules;
  policy: TrackPolicy;
  /** What updates are scaled by for their clusters' records; absent where the policy does not look at them. */
  priors?: Readonly<Record<string, number>>;
  reason: string;
  scheduledAtMs: EpochMs;
  phase: RoundPhase;
  /** Effects that are still to be done, or done again after a crash. */
  pending: readonly RoundEffect[];
  /** sequences[i] is the journal position of phase.accepted[i]. */
  sequences: ListOf<number>;
  /** Refusals of updates for this round; of a flood over several rounds, those that have an entry of their own. */
  refusedCount: number;
  /** The last refusals, oldest first, at most 256: what an operator sees beside the cohort. */
  refusals: readonly RoundRefusal[];
  keyDestroyedAtMs: EpochMs | null;
  /** The keys of its counted updates, where its policy keeps them; null where they never were. */
  inputKeys: Readonly<{ untilMs: EpochMs; updateCount: number; destroyedAtMs: EpochMs | null }> | null;
}>;

export type RoundRefusal = Readonly<{
  atMs: EpochMs;
  cluster: string | null;
  code: string;
  cause: string;
  payloadDigest: string | null;
}>;

export type Cluster = Readonly<{
  cluster: ClusterId;
  status: 'enrolled' | 'revoked';
  enrolledAtMs: EpochMs;
  /** Base64 Ed25519. */
  signingKey: string;
  certificateSerial: string;
  certificateExpiresAtMs: EpochMs;
  /** Serials of its earlier certificates that a revocation must cover, newest last, at most 16. */
  earlierSerials: readonly string[];
  quarantined: boolean;
  labels: Labels;
  /** Ends of its chains of evidence that were journalled, oldest first, at most 64: the last ones. */
  evidence: readonly JournaledHead[];
  revokedBecause: string | null;
}>;

export type JournaledHead = EvidenceHead & Readonly<{ sequence: number; atMs: EpochMs }>;

export type Token = Readonly<{
  tokenId: string;
  cluster: ClusterId;
  secretDigest: Digest;
  mintedAtMs: EpochMs;
  expiresAtMs: EpochMs;
  labels: Labels;
  usedAtMs: EpochMs | null;
  revoked: boolean;
}>;

export type Operator = Readonly<{
  name: string;
  role: OperatorRole;
  certificateSerial: string;
  certificateExpiresAtMs: EpochMs;
  /** By a renewal; absent after any other word on this operator. */
  replaced?: Readonly<{ serial: string; untilMs: EpochMs }>;
  removed: boolean;
}>;

/** A door that was let in: one process, or several that share its credentials. */
export type DoorMember = Readonly<{
  name: string;
  hosts: readonly string[];
  addedAtMs: EpochMs;
  certificateSerial: string;
  certificateExpiresAtMs: EpochMs;
  revoked: boolean;
}>;

export type Freeze = Readonly<Omit<Extract<JournalEvent, { kind: 'freezeSet' }>, 'kind'> & { setBy: string }>;

/** Ended rounds kept in full for each track; the journal keeps all of them for ever. */
export const roundsKept = 64;

export function headOf(track: Track): ModelRef {
  const model = track.models[track.headVersion];
  if (model === undefined) throw new Error(`track ${track.track}: head ${track.headVersion} has no model`);
  return { version: model.version, digest: model.digest };
}

/** The round of a track that has not ended, if any. */
export function openRoundOf(track: Track): Round | undefined {
  for (const round of track.rounds.values()) {
    if (round.phase.kind !== 'candidate' && round.phase.kind !== 'abandoned') return round;
  }
  return undefined;
}
