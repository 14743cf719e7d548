import type { ClusterId, Digest, FederationId, RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { TrackPolicy } from '../policy.ts';
import type { EpochMs, RoundEffect, RoundEvent } from '../round/phase.ts';
import type { RoundRules } from '../round/rules.ts';

/** Who did it. Identities come from TLS sessions, `part` from our own code. */
export type Actor = Readonly<
  | { kind: 'operator'; name: string; role: OperatorRole }
  | { kind: 'cluster'; cluster: ClusterId }
  /** A peer before enrolment, by address. */
  | { kind: 'stranger'; address: string }
  | { kind: 'coordinator'; part: 'start' | 'schedule' | 'round' | 'admission' | 'registry' | 'identity' }
>;

export type OperatorRole = 'viewer' | 'operator' | 'admin';
export type Labels = Readonly<Record<string, string>>;

/**
 * Everything that is ever journalled; state is the fold of these. Add a member, and the fold in state/ does not compile
 * until it has been thought through. Never change what a stored kind means: add another kind.
 * Digests stand in for bytes; no member carries a key's secret, a token's secret, or weights.
 */
export type JournalEvent = TrackEvent | RoundJournalEvent | MembershipEvent | ReleaseEvent | OperationEvent;

type TrackEvent = Readonly<
  | {
      kind: 'trackCreated';
      track: TrackId;
      spec: ModelSpec;
      schemaDigest: Digest;
      policy: TrackPolicy;
      /** The initial model, version 0. */
      modelDigest: Digest;
      reason: string;
    }
  | { kind: 'policySet'; track: TrackId; policy: TrackPolicy; reason: string }
  /** The model that the next round starts from is another one: a rollback, or a gate that held a candidate. */
  | { kind: 'headMoved'; track: TrackId; version: number; reason: string }
>;

type RoundJournalEvent = Readonly<
  | {
      kind: 'roundScheduled';
      track: TrackId;
      round: RoundId;
      dueAtMs: EpochMs;
      rules: RoundRules;
      policy: TrackPolicy;
      /** The schedule's occurrences up to here are served by this round; null when an operator asked for it. */
      servesUntilMs: EpochMs | null;
      reason: string;
    }
  /** One step of a round: the fold runs `step` again and must get these effects, or the journal does not open. */
  | { kind: 'roundStepped'; track: TrackId; round: RoundId; event: RoundEvent; effects: readonly RoundEffect[] }
  | { kind: 'effectsDone'; track: TrackId; round: RoundId; effects: readonly RoundEffect[] }
  /** The round's secret key is gone from the key store since `atMs` of this entry. */
  | { kind: 'roundKeyDestroyed'; track: TrackId; round: RoundId }
>;

type MembershipEvent = Readonly<
  | {
      kind: 'tokenMinted';
      tokenId: string;
      cluster: ClusterId;
      /** SHA-256 of the token's secret. */
      secretDigest: Digest;
      expiresAtMs: EpochMs;
      labels: Labels;
    }
  | { kind: 'tokenRevoked'; tokenId: string; reason: string }
  /** Uses the token in the same entry, so no token enrols twice. */
  | {
      kind: 'clusterEnrolled';
      cluster: ClusterId;
      tokenId: string;
      /** Base64 of the Ed25519 key that signs the cluster's updates. */
      signingKey: string;
      certificateSerial: string;
      certificateExpiresAtMs: EpochMs;
      labels: Labels;
    }
  | { kind: 'certificateRenewed'; cluster: ClusterId; certificateSerial: string; certificateExpiresAtMs: EpochMs }
  | { kind: 'clusterRevoked'; cluster: ClusterId; reason: string }
  | { kind: 'quarantineSet'; cluster: ClusterId; quarantined: boolean; reason: string }
  | {
      kind: 'operatorAdded';
      name: string;
      role: OperatorRole;
      certificateSerial: string;
      certificateExpiresAtMs: EpochMs;
    }
  | { kind: 'operatorRemoved'; name: string; reason: string }
>;

type ReleaseEvent = Readonly<
  | { kind: 'channelMoved'; track: TrackId; channel: string; version: number; reason: string }
  | {
      kind: 'pinSet';
      pinId: string;
      track: TrackId;
      subject: Readonly<{ cluster: ClusterId } | { label: Readonly<{ key: string; value: string }> }>;
      version: number;
      /** null for no end. */
      untilMs: EpochMs | null;
      reason: string;
    }
  | { kind: 'pinRemoved'; pinId: string; reason: string }
  | {
      kind: 'releaseAcknowledged';
      cluster: ClusterId;
      track: TrackId;
      version: number;
      outcome: 'installed' | 'shadowing' | 'refused';
      faultCode: string;
      reportedAtMs: EpochMs;
      /** Base64. */
      signature: string;
    }
>;

type OperationEvent = Readonly<
  /** First entry of every run; carries what the run was. */
  | { kind: 'coordinatorStarted'; federation: FederationId; build: string }
  | {
      kind: 'freezeSet';
      freezeId: string;
      tracks: readonly TrackId[] | 'all';
      fromMs: EpochMs;
      untilMs: EpochMs;
      reason: string;
    }
  | { kind: 'freezeLifted'; freezeId: string; reason: string }
  /** I9: every refusal has a code, a cause for the operator and an audit entry. */
  | {
      kind: 'refused';
      what: 'update' | 'enrolment' | 'renewal' | 'watch' | 'fetch' | 'acknowledgement' | 'operation';
      code: string;
      cause: string;
      /** Two digests from one cluster in one round, a signature by the wrong key: someone should look. */
      alarm: boolean;
      track: string | null;
      round: string | null;
      cluster: string | null;
      payloadDigest: string | null;
      /** Further refusals of the same peer and code that this entry stands for: a flood costs entries, not the disk. */
      repeats: number;
    }
>;
