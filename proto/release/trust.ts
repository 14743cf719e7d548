import type { Result } from '../fault.ts';
import type { Digest, FederationId, TrackId } from '../ids.ts';
import type { Catalogue, Pins } from './catalogue.ts';
import type { ReleaseFaultCode } from './faults.ts';
import type { ReleaseRoot } from './root.ts';

/**
 * What an agent trusts, as a plain value that survives JSON. Keep it in one file, replaced atomically and fsynced;
 * read it back with `parseTrust`.
 */
export type ReleaseTrust = Readonly<{
  format: 'testudo/release-trust/1';
  federation: FederationId;
  /** The newest root metadata, as text (canonical JSON): it says whose signatures count. */
  root: string;
  /** What was last accepted in full; null before the first time and after the timestamp's or snapshot's keys rotated. */
  accepted: Readonly<{
    timestamp: Readonly<{ version: number; digest: Digest }>;
    snapshotVersion: number;
    catalogueVersion: number;
    pinsVersion: number;
  }> | null;
  /** By track; null after the release keys rotated: a thief's floor must not outlive the stolen key. */
  floors: Readonly<Record<TrackId, number>> | null;
}>;

/** What came from the coordinator: SubscribeResponse's pieces. All four pieces empty: roots alone. */
export type ReceivedReleases = Readonly<{
  roots: readonly Uint8Array[];
  timestamp: Uint8Array;
  snapshot: Uint8Array;
  catalogue: Uint8Array;
  pins: Uint8Array;
}>;

/** A set that passed. Nothing changed: store `next` only after the files were fetched and `walkReleases` passed again. */
export type ReleaseProposal = Readonly<{
  root: ReleaseRoot;
  catalogue: Catalogue;
  pins: Pins;
  /** When the earliest piece expires, milliseconds since the epoch: nothing new may be installed from then on. */
  expiresAtMs: number;
  next: ReleaseTrust;
}>;

export type ReleaseWalk = Readonly<{
  /**
   * The given trust, or it with newer roots that were in order. Store it at once when it differs, whatever else was
   * refused: a root that takes a stolen key away must not be forgotten (TUF 1.0.34, 5.3.8).
   */
  rooted: ReleaseTrust;
  /** null: roots alone came, and all were in order. */
  result: Result<ReleaseProposal | null, ReleaseFaultCode>;
}>;

/** The trust anchor: root metadata got over an authenticated channel, by itself (signed by its own threshold). */
export declare function anchorTrust(rootBytes: Uint8Array): Result<ReleaseTrust, ReleaseFaultCode>;

/** A stored trust, checked. */
export declare function parseTrust(candidate: unknown): Result<ReleaseTrust, ReleaseFaultCode>;

/** The opened root of a trust. Throws when the trust did not come from here. */
export declare function trustedRoot(trust: ReleaseTrust): ReleaseRoot;

/** TUF 1.0.34, section 5: roots, timestamp, snapshot, catalogue and pins, at the given time. Pure. */
export declare function walkReleases(trust: ReleaseTrust, received: ReceivedReleases, nowMs: number): ReleaseWalk;
