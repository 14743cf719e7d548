import { z } from 'zod';
import { canonicalBytes } from '../../../base/canonical-json.ts';
import { ok, type Refused, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../digest.ts';
import {
  type Digest,
  type FederationId,
  isDigest,
  isFederationId,
  isRoundId,
  isTrackId,
  type RoundId,
  type TrackId,
} from '../../ids.ts';
import type { ReleaseFaultCode } from '../faults.ts';
import type { ReleaseTarget } from './catalogue.ts';
import { decodeCanonicalJson, firstIssue } from './document.ts';
import { isPlainText, isReleaseVersion } from './names.ts';

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
  /** The trusted sample that its round went by, as its kind of track reads it; absent where it had none. */
  sample: 'sample.bin',
  /** The light form: ONNX with INT8 weights; absent where the architecture has none. */
  light: 'model.int8.onnx',
  /** In a region: the parent's manifest of the same model, whose digest the parent's catalogue signs; absent elsewhere. */
  parent: 'parent-manifest.json',
  /** What clusters confirmed about attacks; absent where nobody did. */
  antibodies: 'antibodies.jsonl',
} as const;

const version = z.custom<number>(isReleaseVersion, 'a version, 0 to 2^53 - 1');
const digest = z.custom<Digest>(isDigest, 'a digest');

const shape = z.strictObject({
  format: z.literal('testudo/release/1'),
  federation: z.custom<FederationId>(isFederationId, 'a federation id'),
  track: z.custom<TrackId>(isTrackId, 'a track id'),
  version,
  base: z.strictObject({ version, digest }).nullable(),
  round: z.custom<RoundId>(isRoundId, 'a round id').nullable(),
  schemaDigest: digest,
  createdAtMs: z.int().min(0),
  build: z.custom<string>((text) => isPlainText(text, 200), '1 to 200 characters, none of them control'),
  files: z
    .array(
      z.strictObject({
        // No slash, no leading dot: the name is safe to join to a folder. No "manifest.json": that is this file.
        name: z.string().regex(/^(?!manifest\.json$)[a-z][a-z0-9.-]{0,63}$/, '1 to 64 of a-z, 0-9, "." and "-"'),
        digest,
        bytes: z.int().min(0).max(1_073_741_824), // 1 GiB, as ModelRef.size_bytes.
      }),
    )
    .min(1)
    .max(64)
    .refine((files) => files.every(({ name }, at) => name > (files[at - 1]?.name ?? '')), 'sorted by name, each once'),
});

/** The manifest's one byte form, canonical JSON. Throws a RangeError on an illegal manifest. */
export function encodeManifest(manifest: ReleaseManifest): Buffer {
  const checked = shape.safeParse(manifest);
  if (!checked.success) throw new RangeError(`manifest: ${firstIssue(checked.error)}`);
  return canonicalBytes(manifest);
}

/** The manifest that the catalogue's target names: its length, its digest, its track, version and federation. */
export function openManifest(
  bytes: Uint8Array,
  target: ReleaseTarget,
  federation: FederationId,
): Result<ReleaseManifest, 'MANIFEST_INVALID'> {
  const { track, version, manifest: named } = target;
  const invalid = (why: string): Refused<'MANIFEST_INVALID'> =>
    refuse('MANIFEST_INVALID', `manifest of ${track} ${version}: ${why}`, { track, version });
  if (bytes.byteLength !== named.bytes) return invalid(`${bytes.byteLength} bytes; the catalogue says ${named.bytes}`);
  if (digestOf(bytes) !== named.digest) return invalid('not the digest that the catalogue names');
  const decoded = decodeCanonicalJson('manifest', bytes);
  if (!decoded.ok) return invalid(decoded.fault.message);
  const parsed = shape.safeParse(decoded.value);
  if (!parsed.success) return invalid(firstIssue(parsed.error));
  const manifest: ReleaseManifest = parsed.data;
  const other = (['track', 'version'] as const).find((field) => manifest[field] !== target[field]);
  if (other !== undefined) return invalid(`is of another ${other}`);
  return manifest.federation === federation ? ok(manifest) : invalid('is of another federation');
}

/** What lies in a release's folder beside the manifest: measured while it was written or read. */
export type MeasuredFile = Readonly<{ name: string; digest: Digest; bytes: number }>;

/**
 * Whether these are exactly the manifest's files, in any order. What is wrong is told in this order: a file too many,
 * then by the manifest's order one missing, of another length, of another digest.
 */
export function checkRelease(
  manifest: ReleaseManifest,
  files: readonly MeasuredFile[],
): Result<ReleaseManifest, Extract<ReleaseFaultCode, `FILE_${string}`>> {
  const found = new Map(files.map((file) => [file.name, file]));
  const listed = new Set(manifest.files.map(({ name }) => name));
  const { track, version } = manifest;
  const of = `of ${track} ${version}`;
  const stranger = files.find(({ name }) => !listed.has(name));
  if (stranger !== undefined || found.size !== files.length) {
    const what =
      stranger === undefined
        ? 'a file stands there twice'
        : `${JSON.stringify(stranger.name.slice(0, 64))} is not listed`;
    return refuse('FILE_UNLISTED', `files ${of}: ${what}`, { track, version });
  }
  for (const { name, digest, bytes } of manifest.files) {
    const file = found.get(name);
    const fields = { track, version, file: name };
    if (file === undefined) return refuse('FILE_MISSING', `${name} ${of}: is not there`, fields);
    if (file.bytes !== bytes) {
      return refuse('FILE_LENGTH', `${name} ${of}: ${file.bytes} bytes; the manifest says ${bytes}`, fields);
    }
    if (file.digest !== digest) return refuse('FILE_DIGEST', `${name} ${of}: not the digest in the manifest`, fields);
  }
  return ok(manifest);
}
