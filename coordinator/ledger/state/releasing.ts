import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId, Digest, TrackId } from '../../../proto/ids.ts';
import type { Assignment } from '../../../proto/release/documents/catalogue.ts';
import type { ReleaseManifest } from '../../../proto/release/documents/manifest.ts';
import type { BreakerReport, GateDecision, ShadowReport, SignedDocument } from '../journal/events.ts';

/** A signed document that lies in the blob store. */
export type MetadataRef = SignedDocument;

export type Release = Readonly<{
  track: TrackId;
  version: number;
  manifest: ReleaseManifest;
  /** Of the manifest's canonical JSON: what the catalogue signs. */
  manifestDigest: Digest;
  manifestBytes: number;
  publishedSeq: number;
  /** Retention has removed its files; an import brings them back. The digest stays known for ever. */
  retired: boolean;
}>;

export type ChannelState = Readonly<{
  version: number;
  /** The channel whose version its members keep live while this one runs in shadow. */
  shadows: string | null;
  movedSeq: number;
  movedAtMs: EpochMs;
}>;

/** One version in front of the gate. */
export type GateState = Readonly<{
  version: number;
  openedAtMs: EpochMs;
  reports: Readonly<Record<ClusterId, ShadowReport>>;
  decision: Readonly<{
    decision: GateDecision;
    /** What stood against it; empty for a promotion by the reports alone. */
    reasons: readonly string[];
    /** An operator's name, or "coordinator". */
    by: string;
    atMs: EpochMs;
  }> | null;
  /** Operators who asked to override it, while that needs more of them. */
  approvals: readonly Readonly<{ decision: 'promote' | 'reject'; by: string; reason: string; atMs: EpochMs }>[];
}>;

/** The last word of one cluster on one version. */
export type BreakerState = BreakerReport & Readonly<{ sequence: number }>;

/** Everything about the releases of one track. */
export type TrackReleasing = Readonly<{
  /** By version, ascending; also retired ones. */
  releases: readonly Release[];
  floor: number;
  /** Ascending. */
  revoked: readonly number[];
  /** Every version that was stable, in the order of time. */
  stableHistory: readonly number[];
  channels: Readonly<Record<string, ChannelState>>;
  /** By version. */
  gates: Readonly<Record<number, GateState>>;
  /** By version and cluster: what its response agent's breaker said last; of the newest 32 versions that any spoke of. */
  breakers: Readonly<Record<number, Readonly<Record<ClusterId, BreakerState>>>>;
}>;

/** What one cluster's agent last said about one track. */
export type AgentState = Readonly<{
  cluster: ClusterId;
  track: TrackId;
  /** The version that scores there; null until it said so. */
  liveVersion: number | null;
  shadowVersion: number | null;
  /** The last refusal, until an installation follows. */
  refused: Readonly<{ version: number; faultCode: string }> | null;
  pinsVersion: number;
  reportedAtMs: EpochMs;
  sequence: number;
  /** Of the last report's content: the same report again is not journalled again. */
  lastReport: string;
}>;

/** The signed metadata and what it must say next. */
export type MetadataState = Readonly<{
  assignments: readonly Assignment[];
  /** Versions 1, 2, 3, …. */
  roots: readonly MetadataRef[];
  /** The set that was signed last; null before the first. */
  set: Readonly<{ catalogue: MetadataRef; snapshot: MetadataRef; timestamp: MetadataRef; coversSeq: number }> | null;
  /** null as long as root names no operator's key. */
  pins: (MetadataRef & Readonly<{ signers: readonly string[] }>) | null;
  /** Pins that wait for further signatures. */
  pendingPins: (MetadataRef & Readonly<{ signers: readonly string[] }>) | null;
  /** The last entry that changed what the set must say: when the set does not cover it, signing is due. */
  changedSeq: number;
}>;

export const noReleasing: TrackReleasing = {
  releases: [],
  floor: 0,
  revoked: [],
  stableHistory: [],
  channels: {},
  gates: {},
  breakers: {},
};

export const noMetadata: MetadataState = {
  assignments: [],
  roots: [],
  set: null,
  pins: null,
  pendingPins: null,
  changedSeq: 0,
};

/** The key of an agent in `State.agents`. */
export function agentKey(cluster: ClusterId, track: TrackId): string {
  return `${cluster}/${track}`;
}

export function releaseOf({ releases }: TrackReleasing, version: number): Release | undefined {
  const release = releases[version];
  return release?.version === version ? release : releases.find((known) => known.version === version);
}
