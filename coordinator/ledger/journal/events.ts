import type { EpochMs } from '../../../base/time.ts';
import type { ClassName, ClusterId, Digest, FederationId, RoundId, TrackId } from '../../../proto/ids.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Assignment } from '../../../proto/release/documents/catalogue.ts';
import type { ReleaseManifest } from '../../../proto/release/documents/manifest.ts';
import type { RoundEffect, RoundEvent } from '../../round/phase.ts';
import type { TrackPolicy } from '../../round/policy.ts';
import type { RoundRules } from '../../round/rules.ts';
import type { Standing } from '../../round/standing.ts';

/** A version of a track's trusted sample. */
export type TrackSample = Readonly<{
  /** From 1; the newest is in force. */
  version: number;
  digest: Digest;
  bytes: number;
  /** What it holds, ascending by name, as the command counted that read it. */
  classes: readonly SampleClass[];
  putAtMs: EpochMs;
  reason: string;
}>;

export type SampleClass = Readonly<{ name: string; normalCount: number; attackCount: number }>;

/** What a cluster learnt about an attack that was confirmed to it; releases of the track bring it to every cluster. */
export type KnownAntibody = Readonly<{
  digest: Digest;
  bytes: number;
  family: string;
  /** Who confirmed the attack. */
  cluster: ClusterId;
  /** Confirmed examples that it was made of. */
  examples: number;
  expiresAtMs: EpochMs;
  putAtMs: EpochMs;
  reason: string;
  /** Why it was revoked; null while it is in force. */
  revoked: string | null;
}>;

/** What one canary cluster saw of a version in shadow; its newest report counts. */
export type ShadowReport = Readonly<{
  cluster: ClusterId;
  liveVersion: number;
  durationMs: number;
  scoredCount: number;
  agreedCount: number;
  shadowAlertCount: number;
  liveAlertCount: number;
  recalls: readonly Readonly<{
    attackClass: string;
    caseCount: number;
    shadowFoundCount: number;
    liveFoundCount: number;
  }>[];
  falsePositiveCaseCount: number;
  shadowFalsePositiveCount: number;
  liveFalsePositiveCount: number;
  shadowLatencyUs: number;
  liveLatencyUs: number;
  reportedAtMs: EpochMs;
  sequence: number;
}>;

export type GateDecision = 'promote' | 'hold' | 'reject';

/** Who did it. Identities come from TLS sessions, `part` from our own code. */
export type Actor = Readonly<
  | { kind: 'operator'; name: string; role: OperatorRole }
  /** `door`: through which it called, where the coordinator has only that door's word for who it was. */
  | { kind: 'cluster'; cluster: ClusterId; door?: string }
  | { kind: 'door'; name: string }
  /** A peer before enrolment, by address. */
  | { kind: 'stranger'; address: string }
  | { kind: 'coordinator'; part: 'start' | 'schedule' | 'round' | 'admission' | 'registry' | 'identity' | 'relay' }
>;

export type OperatorRole = 'viewer' | 'operator' | 'admin';
export type Labels = Readonly<Record<string, string>>;

/**
 * Everything that is ever journalled; state is the fold of these. Add a member, and the fold in state/ does not compile
 * until it has been thought through. Never change what a stored kind means: add another kind.
 * Digests stand in for bytes; no member carries a key's secret, a token's secret, or weights.
 */
export type JournalEvent =
  | TrackEvent
  | RoundJournalEvent
  | MembershipEvent
  | ReleaseEvent
  | ResponseEvent
  | OperationEvent;

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
  /** A trusted sample, stored as a blob: what rounds that open from now on judge by. */
  | ({ kind: 'samplePut'; track: TrackId; reason: string } & Pick<
      TrackSample,
      'version' | 'digest' | 'bytes' | 'classes'
    >)
  /** An antibody, stored as a blob: releases that are made from now on bring it along. */
  | ({ kind: 'antibodyPut'; track: TrackId } & Omit<KnownAntibody, 'putAtMs' | 'revoked'>)
  | { kind: 'antibodyRevoked'; track: TrackId; digest: Digest; reason: string }
  | { kind: 'policySet'; track: TrackId; policy: TrackPolicy; reason: string }
  /** The model that the next round starts from is another one: a rollback, or a gate that held a candidate. */
  | { kind: 'headMoved'; track: TrackId; version: number; reason: string }
>;

export type RoundJournalEvent = Readonly<
  | {
      kind: 'roundScheduled';
      track: TrackId;
      round: RoundId;
      dueAtMs: EpochMs;
      rules: RoundRules;
      policy: TrackPolicy;
      /** What updates are scaled by for their clusters' records, where the policy says so: those below 1. */
      priors?: Readonly<Record<string, number>>;
      /** The schedule's occurrences up to here are served by this round; null when an operator asked for it. */
      servesUntilMs: EpochMs | null;
      reason: string;
    }
  /** One step of a round: the fold runs `step` again and must get these effects, or the journal does not open. */
  | { kind: 'roundStepped'; track: TrackId; round: RoundId; event: RoundEvent; effects: readonly RoundEffect[] }
  | { kind: 'effectsDone'; track: TrackId; round: RoundId; effects: readonly RoundEffect[] }
  /** What a round's provenance added to the records of those who took part: the new records, whole. */
  | { kind: 'standingsNoted'; track: TrackId; round: RoundId; standings: Readonly<Record<string, Standing>> }
  /** The round's secret key is gone from the key store since `atMs` of this entry. */
  | { kind: 'roundKeyDestroyed'; track: TrackId; round: RoundId }
  /** The keys of the updates that a round counted, and of no others, rest in the key store until then, for replays. */
  | { kind: 'inputKeysKept'; track: TrackId; round: RoundId; untilMs: EpochMs; updateCount: number }
  /** They are gone from the key store since `atMs` of this entry: their time was over, newer rounds came, the policy. */
  | { kind: 'inputKeysDestroyed'; track: TrackId; round: RoundId; because: 'AGE' | 'COUNT' | 'POLICY' }
  /** What clusters sent is about to be opened once more. */
  | { kind: 'replayStarted'; track: TrackId; round: RoundId; reason: string }
  | {
      kind: 'roundReplayed';
      track: TrackId;
      round: RoundId;
      /** Whether every digest is the round's own. */
      same: boolean;
      candidate: Digest;
      provenance: Digest;
      optimiserState: Digest | null;
    }
>;

type NewCertificate = { certificateSerial: string; certificateExpiresAtMs: EpochMs };

export type MembershipEvent = Readonly<
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
  /** Came back by its signing key. Where its last certificate had not ended yet, someone else may hold that key. */
  | ({ kind: 'clusterRejoined'; cluster: ClusterId; lastExpiredAtMs: EpochMs } & NewCertificate)
  | { kind: 'clusterRevoked'; cluster: ClusterId; reason: string }
  | { kind: 'quarantineSet'; cluster: ClusterId; quarantined: boolean; reason: string }
  /** All of its labels, as they are from then on. */
  | { kind: 'labelsSet'; cluster: ClusterId; labels: Labels; reason: string }
  /** All classes that the cluster may declare from here on, ascending. */
  | { kind: 'classesApproved'; cluster: ClusterId; classes: readonly ClassName[]; reason: string }
  | {
      kind: 'operatorAdded';
      name: string;
      role: OperatorRole;
      certificateSerial: string;
      certificateExpiresAtMs: EpochMs;
      /** In a renewal: the certificate of before, and until when it counts beside this one, whose answer may be lost. */
      replaced?: Readonly<{ serial: string; untilMs: EpochMs }>;
      /** Absent in a renewal, at the founding, and where an older command line asked. */
      reason?: string;
    }
  | { kind: 'operatorRemoved'; name: string; reason: string }
  /** Or made anew: its earlier certificates are void. */
  | ({
      kind: 'doorAdded';
      name: string;
      /** What its server certificate is good for beside the name of every coordinator, ascending. */
      hosts: readonly string[];
      reason: string;
    } & NewCertificate)
  | ({ kind: 'doorRenewed'; name: string } & NewCertificate)
  | { kind: 'doorRevoked'; name: string; reason: string }
>;

/** A signed document in the blob store. */
export type SignedDocument = Readonly<{ version: number; digest: Digest; bytes: number; expiresAtMs: EpochMs }>;

/** What became of a release in a cluster, as its agent signed it. */
export type InstallOutcome = 'installed' | 'shadowing' | 'refused' | 'kept';

export type ReleaseEvent = Readonly<
  /** A candidate or a first model has its manifest: from now on this version means these digests. */
  | {
      kind: 'releasePublished';
      track: TrackId;
      manifest: ReleaseManifest;
      manifestDigest: Digest;
      manifestBytes: number;
    }
  /** As published, of a version that no round here has made: the track's newest model from now on. */
  | {
      kind: 'releaseImported';
      track: TrackId;
      manifest: ReleaseManifest;
      manifestDigest: Digest;
      manifestBytes: number;
    }
  /** Retention removes its files, now that this entry is durable. */
  | { kind: 'releaseRetired'; track: TrackId; version: number }
  /** An import has brought the files of a retired release back. */
  | { kind: 'releaseRestored'; track: TrackId; version: number }
  /** Moves a channel, or makes it. */
  | {
      kind: 'channelMoved';
      track: TrackId;
      channel: string;
      version: number;
      /** The channel that stays live in clusters that run this one in shadow. */
      shadows: string | null;
      reason: string;
    }
  | { kind: 'channelRemoved'; track: TrackId; channel: string; reason: string }
  | { kind: 'floorRaised'; track: TrackId; floor: number }
  | { kind: 'releaseRevoked'; track: TrackId; version: number; reason: string }
  /** The whole list: the first that fits a cluster decides. */
  | { kind: 'assignmentsSet'; assignments: readonly Assignment[]; reason: string }
  | { kind: 'rootPublished'; root: SignedDocument; reason: string }
  /** Pins that too few operators have signed yet. */
  | { kind: 'pinsProposed'; pins: SignedDocument; signers: readonly string[]; reason: string }
  | { kind: 'pinsPublished'; pins: SignedDocument; signers: readonly string[]; reason: string }
  /** Journalled before it is served: no version is ever signed twice with different bytes and served. */
  | {
      kind: 'releaseSetSigned';
      catalogue: SignedDocument;
      snapshot: SignedDocument;
      timestamp: SignedDocument;
      /** The journal position whose state it tells of. */
      coversSeq: number;
    }
  | {
      kind: 'releaseAcknowledged';
      cluster: ClusterId;
      track: TrackId;
      version: number;
      manifestDigest: Digest;
      outcome: InstallOutcome;
      faultCode: string;
      pinsVersion: number;
      reportedAtMs: EpochMs;
      /** Base64. */
      signature: string;
    }
  | {
      kind: 'shadowReported';
      track: TrackId;
      version: number;
      report: Omit<ShadowReport, 'sequence'>;
      /** Base64. */
      signature: string;
    }
  | { kind: 'gateDecided'; track: TrackId; version: number; decision: GateDecision; reasons: readonly string[] }
  /** An operator's wish to override the gate that needs another's to count. */
  | { kind: 'gateOverrideAsked'; track: TrackId; version: number; decision: 'promote' | 'reject'; reason: string }
>;

/** The end of a cluster's chain of evidence. Digests alone: no evidence is told. */
export type EvidenceHead = Readonly<{
  /** Whose signature the chain bears: an Ed25519 key, hexadecimal digits. */
  signer: string;
  record: number;
  digest: Digest;
}>;

/** What the breaker of a cluster's response agent does about a version. Numbers alone. */
export type BreakerReport = Readonly<{
  version: number;
  /** False once an operator of the cluster has looked and resumed. */
  open: boolean;
  reportedAtMs: EpochMs;
  flaggedPodCount: number;
  podCount: number;
  workloadCount: number;
  withinMs: number;
}>;

/** What clusters' response agents say. */
export type ResponseEvent = Readonly<
  | ({ kind: 'evidenceJournaled'; cluster: ClusterId } & EvidenceHead)
  | ({ kind: 'breakerReported'; cluster: ClusterId; track: TrackId } & BreakerReport)
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
      what: 'update' | 'enrolment' | 'renewal' | 'rejoin' | 'watch' | 'fetch' | 'acknowledgement' | 'operation';
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
