import type { EpochMs } from '../../base/time.ts';
import type { ClassName, ClusterId, Digest } from '../../proto/ids.ts';
import type { ListOf } from './growing-list.ts';

/** A global model of a track: versions only grow, one version has one digest. */
export type ModelRef = Readonly<{ version: number; digest: Digest }>;

/** An update that the round counts. Its receipt says the same. */
export type Accepted = Readonly<{
  cluster: ClusterId;
  payloadDigest: Digest;
  payloadBytes: number;
  /** The global model that training started from: the round's base, or an older one under carry-over. */
  baseDigest: Digest;
  /** How many global models have followed that base, seen from the round's base. 0 without carry-over. */
  staleness: number;
  /** What the client claims; shown to operators, never a weight. */
  exampleCount: number;
  /** Base64 of the Ed25519 signature over the update's header. */
  signature: string;
  acceptedAtMs: EpochMs;
  /** The workload classes that it speaks for, ascending; absent where it declares none. */
  classes?: readonly ClassName[];
  /** Of a region's update: the digest of its round's provenance, as its relay signed it. */
  provenance?: Digest;
}>;

export type Expelled = Readonly<{ cluster: ClusterId; code: 'CLUSTER_REVOKED' | 'CLUSTER_QUARANTINED' }>;

export type AbandonReason =
  | 'COHORT_TOO_SMALL'
  | 'QUORUM_MISSED'
  | 'CANCELLED'
  | 'AGGREGATION_REFUSED'
  | 'AGGREGATION_OVERDUE'
  | 'ROUND_KEY_LOST';

/** What is true of a round, and nothing else; plain data, stored and read back as it is. */
export type RoundPhase = Readonly<
  | { kind: 'scheduled'; dueAtMs: EpochMs }
  | {
      kind: 'recruiting';
      openedAtMs: EpochMs;
      recruitsUntilMs: EpochMs;
      /** Enough clusters were there: how long the others are waited for. */
      graceUntilMs?: EpochMs;
      seed: number;
      base: ModelRef;
    }
  | {
      kind: 'collecting';
      openedAtMs: EpochMs;
      closesAtMs: EpochMs;
      /** Enough updates are in: how long the others are waited for. */
      graceUntilMs?: EpochMs;
      seed: number;
      base: ModelRef;
      /** Older bases that carry-over still allows, newest first: olderBases[i] has staleness i + 1. */
      olderBases: readonly Digest[];
      /** Sorted. */
      cohort: readonly ClusterId[];
      goalUpdates: number;
      quorumUpdates: number;
      /** Base64 of the round's X25519 public key. */
      roundKey: string;
      accepted: ListOf<Accepted>;
      /** Revoked or quarantined since the round opened: nothing of theirs is counted. Sorted by cluster. */
      expelled: readonly Expelled[];
    }
  | {
      kind: 'aggregating';
      openedAtMs: EpochMs;
      closedAtMs: EpochMs;
      abandonsAtMs: EpochMs;
      seed: number;
      base: ModelRef;
      cohort: readonly ClusterId[];
      quorumUpdates: number;
      roundKey: string;
      /** In the order of arrival; the aggregation sorts by digest. */
      accepted: ListOf<Accepted>;
      expelled: readonly Expelled[];
      stragglers: readonly ClusterId[];
    }
  | {
      kind: 'candidate';
      openedAtMs: EpochMs;
      closedAtMs: EpochMs;
      endedAtMs: EpochMs;
      base: ModelRef;
      cohort: readonly ClusterId[];
      accepted: ListOf<Accepted>;
      expelled: readonly Expelled[];
      stragglers: readonly ClusterId[];
      candidate: ModelRef;
      /** Digest of the provenance blob: canonical JSON. */
      provenance: Digest;
      /** Digest of what the next round goes on from (candidate/server-state.ts); null where nothing is kept. */
      optimiserState: Digest | null;
    }
  | {
      kind: 'abandoned';
      endedAtMs: EpochMs;
      reason: AbandonReason;
      /** One sentence for the operator. */
      detail: string;
      cohort: readonly ClusterId[];
      /** Receipted updates that this round will never count. */
      accepted: ListOf<Accepted>;
    }
>;

export type PhaseKind = RoundPhase['kind'];

/** What happens to a round. Time arrives in the event, randomness as a seed. */
export type RoundEvent = Readonly<
  /** The schedule or an operator opens it. */
  | { kind: 'opened'; atMs: EpochMs; seed: number; base: ModelRef }
  /** Eligible clusters were counted; `roundKey` is this round's public key and `olderBases` what carry-over allows. */
  | {
      kind: 'counted';
      atMs: EpochMs;
      /** Connected and in good standing, in any order; in the journal, of very many, those who were drawn (eligible.ts). */
      eligible: readonly ClusterId[];
      drawnFrom?: Readonly<{ count: number; digest: Digest }>;
      /** Enrolled and in good standing, connected or not. */
      enrolledCount: number;
      roundKey: string;
      olderBases: readonly Digest[];
    }
  /** Enough of the clusters wanted are connected for a grace to begin (grace.ts). */
  | { kind: 'gathered'; atMs: EpochMs }
  | { kind: 'updateArrived'; atMs: EpochMs; update: Omit<Accepted, 'staleness' | 'acceptedAtMs'> }
  /** A cluster lost its good standing. */
  | { kind: 'expelled'; atMs: EpochMs; expelled: Expelled }
  /** Any deadline: what it means depends on the phase. */
  /** `cause`: what has kept the round from ending, where anything has. */
  | { kind: 'timePassed'; atMs: EpochMs; cause?: string }
  | {
      kind: 'aggregated';
      atMs: EpochMs;
      candidate: ModelRef;
      provenance: Digest;
      optimiserState: Digest | null;
    }
  /** The aggregation cannot give a candidate: too few sound updates, a rule that refuses, a key that is gone. */
  | { kind: 'aggregationRefused'; atMs: EpochMs; reason: AbandonReason; detail: string }
  | { kind: 'cancelled'; atMs: EpochMs; detail: string }
>;

/** What must be done because the round moved. Doing one twice is the same as doing it once. */
export type RoundEffect = 'invite' | 'aggregate' | 'announce' | 'destroyKey' | 'dropPartials';
