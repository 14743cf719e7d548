import type { Result } from '../fault.ts';
import type { Digest, FederationId, RoundId, TrackId } from '../ids.ts';
import type { ReleaseTarget } from './catalogue.ts';
import type { ReleaseFaultCode } from './faults.ts';

export type ReleaseFile = Readonly<{
  /** One of `releaseFileNames`, or another of 1 to 64 of a-z, 0-9, "." and "-" that starts with a letter. */
  name: string;
  digest: Digest;
  bytes: number;
}>;

/**
 * What one version is made of, in the manner of OpenSSF model signing: every file with digest and length, and no other
 * file belongs to it. Its canonical JSON's digest is what the catalogue signs.
 */
export type ReleaseManifest = Readonly<{
  format: 'testudo/release/1';
  federation: FederationId;
  track: TrackId;
  version: number;
  /** What it was computed from; null for a track's first model. */
  base: Readonly<{ version: number; digest: Digest }> | null;
  round: RoundId | null;
  schemaDigest: Digest;
  /** When its round ended, milliseconds since the epoch. */
  createdAtMs: number;
  /** The coordinator's build that computed it. */
  build: string;
  /** Sorted by name. */
  files: readonly ReleaseFile[];
}>;

/** The files that Testudo itself gives a meaning. */
export const releaseFileNames = {
  /** The global model, flat little-endian float32. */
  weights: 'weights.bin',
  /** The model spec, canonical JSON. */
  spec: 'spec.json',
  /** Accepted and refused updates with reasons, policy, scores; absent for a track's first model. */
  provenance: 'provenance.json',
  /** The light form: ONNX with INT8 weights; absent where the architecture has none. */
  light: 'model.int8.onnx',
} as const;

/** Where the catalogue's target for a version points: `TRACK/VERSION/manifest.json`. */
export declare function manifestPath(track: TrackId, version: number): string;

/** The manifest's one byte form, canonical JSON. Throws a RangeError on an illegal manifest. */
export declare function encodeManifest(manifest: ReleaseManifest): Buffer;

/** The manifest that the catalogue's target names: its length, its digest, its track, version and federation. */
export declare function openManifest(
  bytes: Uint8Array,
  target: ReleaseTarget,
  federation: FederationId,
): Result<ReleaseManifest, ReleaseFaultCode>;

/** What lies in a release's folder beside the manifest: measured while it was written or read. */
export type MeasuredFile = Readonly<{ name: string; digest: Digest; bytes: number }>;

/** Whether these are exactly the manifest's files. */
export declare function checkRelease(
  manifest: ReleaseManifest,
  files: readonly MeasuredFile[],
): Result<ReleaseManifest, ReleaseFaultCode>;
