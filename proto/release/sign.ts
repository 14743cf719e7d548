import { MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { digestBytes } from '../digest.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import type { FederationId } from '../ids.ts';
import type { Catalogue, Pins } from './documents/catalogue.ts';
import { danglingIn } from './documents/dangling.ts';
import { encodeDocument, signedHead } from './documents/document.ts';
import { keyIdOf, tufKey } from './documents/key-id.ts';
import { manifestPath } from './documents/names.ts';
import { sha256 } from './documents/pointers.ts';
import { type ReleaseRoot, releaseRoles } from './documents/root.ts';
import { catalogueShape, pinsShape, rootShape, snapshotShape, timestampShape } from './documents/shapes.ts';

/** Root metadata's bytes. Throws a RangeError where a role could never reach its threshold, or a field is illegal. */
export function signRoot(root: ReleaseRoot, signers: readonly SigningKeyPair[]): Buffer {
  const keys: Record<string, ReturnType<typeof tufKey>> = {};
  const roles: Record<string, { keyids: string[]; threshold: number }> = {};
  for (const role of releaseRoles) {
    const { publicKeys, threshold } = root.roles[role];
    if (publicKeys.length < threshold && !(role === 'pins' && publicKeys.length === 0)) {
      throw new RangeError(`root: ${role} has ${publicKeys.length} key(s) for a threshold of ${threshold}`);
    }
    const keyids = publicKeys.map(keyIdOf);
    if (new Set(keyids).size !== keyids.length) throw new RangeError(`root: ${role} names a key twice`);
    for (const key of publicKeys) keys[keyIdOf(key)] = tufKey(key);
    roles[role] = { keyids, threshold };
  }
  const { specVersion, unrecognizedFields, ...head } = signedHead(root);
  const parts = { ...head, ...unrecognizedFields, spec_version: specVersion, keys, roles, consistent_snapshot: true };
  return encodeDocument('root', rootShape, Root.fromJSON(parts), signers);
}

/**
 * The release role's metadata. Throws a RangeError on illegal content, also on content that agents could not follow: a
 * channel or an assignment that points at nothing, a channel at a revoked version or at one below the floor.
 */
export function signCatalogue(catalogue: Catalogue, federation: FederationId, keys: readonly SigningKeyPair[]): Buffer {
  const problem = danglingIn(catalogue);
  if (problem !== undefined) throw new RangeError(`catalogue: ${problem}`);
  const targets: Record<string, TargetFile> = {};
  for (const { track, version, manifest } of catalogue.releases) {
    const path = manifestPath(track, version);
    const hashes = { sha256: digestBytes(manifest.digest).toString('hex') };
    targets[path] = new TargetFile({ path, length: manifest.bytes, hashes });
  }
  if (Object.keys(targets).length !== catalogue.releases.length)
    throw new RangeError('catalogue: a release is listed twice');
  const { specVersion, unrecognizedFields, ...head } = signedHead({ ...catalogue, federation });
  const releases = { tracks: catalogue.tracks, assignments: catalogue.assignments };
  const signed = new Targets({
    ...head,
    specVersion,
    targets,
    unrecognizedFields: { ...unrecognizedFields, releases: releases as never },
  });
  return encodeDocument('targets', catalogueShape, signed, keys);
}

/** The pins role's metadata: a targets-type document without targets. Throws a RangeError on illegal content. */
export function signPins(pins: Pins, federation: FederationId, keys: readonly SigningKeyPair[]): Buffer {
  const { unrecognizedFields, ...head } = signedHead({ ...pins, federation });
  const { response, antibodies = [] } = pins;
  const own = {
    pins: pins.pins as never,
    ...(antibodies.length > 0 && { antibodies: antibodies as never }),
    ...(response !== undefined && { response: response as never }),
  };
  const signed = new Targets({ ...head, unrecognizedFields: { ...unrecognizedFields, ...own } });
  return encodeDocument('pins', pinsShape, signed, keys);
}

/** Timestamp metadata: which snapshot is current. Throws a RangeError on illegal content. */
export function signTimestamp(
  content: Readonly<{ version: number; expiresAtMs: number; snapshot: Uint8Array }>,
  federation: FederationId,
  keys: readonly SigningKeyPair[],
): Buffer {
  const snapshotMeta = metaFile(content.snapshot);
  const signed = new Timestamp({ ...signedHead({ ...content, federation }), snapshotMeta });
  return encodeDocument('timestamp', timestampShape, signed, keys);
}

/**
 * Snapshot metadata: which catalogue and which pins belong together; pins null where the root names no keys for them.
 * Throws a RangeError on illegal content.
 */
export function signSnapshot(
  content: Readonly<{ version: number; expiresAtMs: number; catalogue: Uint8Array; pins: Uint8Array | null }>,
  federation: FederationId,
  keys: readonly SigningKeyPair[],
): Buffer {
  const meta: Record<string, MetaFile> = { 'targets.json': metaFile(content.catalogue) };
  if (content.pins !== null) meta['pins.json'] = metaFile(content.pins);
  const signed = new Snapshot({ ...signedHead({ ...content, federation }), meta });
  return encodeDocument('snapshot', snapshotShape, signed, keys);
}

function metaFile(bytes: Uint8Array): MetaFile {
  // Only its version is read here: every role signs what it was given, and agents check the whole.
  const { signed } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { signed: { version: number } };
  return new MetaFile({ version: signed.version, length: bytes.byteLength, hashes: { sha256: sha256(bytes) } });
}
