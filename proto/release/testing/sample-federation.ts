/** What the tests of signed releases share: keys by number, a federation's roots and whole sets, and forgeries. */
import { canonicalBytes, type JsonValue } from '../../../base/canonical-json.ts';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../digest.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../envelope/crypto/keys.ts';
import { signMessage } from '../../envelope/crypto/signature.ts';
import { parseClusterId, parseFederationId, parseTrackId, type TrackId } from '../../ids.ts';
import type { Catalogue, Pin, Pins, ReleaseTarget, TrackReleases } from '../documents/catalogue.ts';
import { keyIdOf } from '../documents/key-id.ts';
import { encodeManifest, type ReleaseManifest } from '../documents/manifest.ts';
import type { ReleaseRole, ReleaseRoot } from '../documents/root.ts';
import { signCatalogue, signPins, signRoot, signSnapshot, signTimestamp } from '../sign.ts';
import { anchorTrust, type ReleaseTrust } from '../trust.ts';
import type { ReceivedReleases } from '../walk.ts';

export const nowMs = Date.parse('2026-11-21T12:00:00Z');
export const dayMs = 86_400_000;
export const herd = parseFederationId('herd');
export const syscall = parseTrackId('syscall');

const pairs = new Map<number, SigningKeyPair>();

/** The same pair for the same number, 0 to 255. */
export function keyPair(number: number): SigningKeyPair {
  const pair = pairs.get(number) ?? signingKeyPairOf(Buffer.alloc(32, number));
  pairs.set(number, pair);
  return pair;
}

/** Who signs for each role: numbers of keys. The first `threshold` of them sign what `sampleSet` makes. */
export type Signers = Readonly<Record<ReleaseRole, Readonly<{ keys: readonly number[]; threshold: number }>>>;

export const signers: Signers = {
  root: { keys: [1, 2, 3], threshold: 2 },
  timestamp: { keys: [10], threshold: 1 },
  snapshot: { keys: [10], threshold: 1 },
  targets: { keys: [20], threshold: 1 },
  pins: { keys: [30, 31], threshold: 2 },
};

export function sampleRoot(by: Signers = signers, change: Partial<ReleaseRoot> = {}): ReleaseRoot {
  const keysOf = (role: ReleaseRole) => {
    const { keys, threshold } = by[role];
    return { publicKeys: keys.map((key) => keyPair(key).publicKey), threshold };
  };
  const roles = {
    root: keysOf('root'),
    timestamp: keysOf('timestamp'),
    snapshot: keysOf('snapshot'),
    targets: keysOf('targets'),
    pins: keysOf('pins'),
  };
  return { federation: herd, version: 1, expiresAtMs: nowMs + 365 * dayMs, roles, ...change };
}

export function signedRoot(root: ReleaseRoot, by: readonly number[] = [1, 2]): Buffer {
  return signRoot(root, by.map(keyPair));
}

export function sampleTrust(root = sampleRoot(), by: readonly number[] = [1, 2]): ReleaseTrust {
  return unwrap(anchorTrust(signedRoot(root, by)));
}

export function sampleTarget(version: number, track = syscall): ReleaseTarget {
  return { track, version, manifest: { digest: digestOf(Buffer.from(`${track} ${version}`)), bytes: 1_000 + version } };
}

export function sampleTrack(change: Partial<TrackReleases> = {}): TrackReleases {
  return { floor: 1, revoked: [], channels: { stable: { version: 2, shadows: null } }, ...change };
}

export function sampleCatalogue(change: Partial<Catalogue> = {}): Catalogue {
  return {
    version: 1,
    expiresAtMs: nowMs + 90 * dayMs,
    tracks: { [syscall]: sampleTrack() } as Record<TrackId, TrackReleases>,
    assignments: [],
    releases: [1, 2, 3].map((version) => sampleTarget(version)),
    ...change,
  };
}

export function samplePin(change: Partial<Pin> = {}): Pin {
  return {
    pinId: 'p1',
    track: syscall,
    subject: { cluster: parseClusterId('eu-west-1') },
    version: 1,
    untilMs: null,
    belowFloor: false,
    reason: 'the payment season',
    setBy: 'ada',
    ...change,
  };
}

export function samplePins(change: Partial<Pins> = {}): Pins {
  return { version: 1, expiresAtMs: nowMs + 365 * dayMs, pins: [], ...change };
}

/** What a set shall hold, where it is not the plain one. */
export type SetChange = Readonly<{
  by?: Signers;
  catalogue?: Partial<Catalogue>;
  pins?: Partial<Pins>;
  snapshot?: Readonly<{ version?: number; expiresAtMs?: number }>;
  timestamp?: Readonly<{ version?: number; expiresAtMs?: number }>;
}>;

/** One whole, properly signed set without roots. */
export function sampleSet(change: SetChange = {}): ReceivedReleases {
  const by = (role: ReleaseRole) => {
    const { keys, threshold } = (change.by ?? signers)[role];
    return keys.slice(0, threshold).map(keyPair);
  };
  const catalogue = signCatalogue(sampleCatalogue(change.catalogue), herd, by('targets'));
  const pins = signPins(samplePins(change.pins), herd, by('pins'));
  return { roots: [], ...pointAt({ catalogue, pins }, change), catalogue, pins };
}

/** Timestamp and snapshot that vouch for whatever bytes are given. */
export function pointAt(
  below: Readonly<{ catalogue: Uint8Array; pins: Uint8Array | null }>,
  { by = signers, snapshot: snapshotChange, timestamp: timestampChange }: SetChange = {},
): Readonly<{ snapshot: Buffer; timestamp: Buffer }> {
  const keysOf = (role: ReleaseRole) => by[role].keys.slice(0, by[role].threshold).map(keyPair);
  const snapshotHead = { version: 1, expiresAtMs: nowMs + 30 * dayMs, ...snapshotChange };
  const snapshot = signSnapshot({ ...snapshotHead, ...below }, herd, keysOf('snapshot'));
  const timestampHead = { version: 1, expiresAtMs: nowMs + dayMs, ...timestampChange };
  return { snapshot, timestamp: signTimestamp({ ...timestampHead, snapshot }, herd, keysOf('timestamp')) };
}

/** Any JSON as signed metadata: what a thief of keys, or a mistaken signer, could make. Signed without the library. */
export function forge(signed: JsonValue, by: readonly number[]): Buffer {
  const message = canonicalBytes(signed);
  const signatures = by.map(keyPair).map((key) => ({
    keyid: keyIdOf(key.publicKey),
    sig: signMessage(message, key).toString('hex'),
  }));
  return canonicalBytes({ signatures, signed });
}

/** A document's signed part, changed, and signed anew. */
export function reforge(
  bytes: Uint8Array,
  by: readonly number[],
  change: (signed: Record<string, never>) => void,
): Buffer {
  const { signed } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { signed: Record<string, never> };
  change(signed);
  return forge(signed, by);
}

export function sampleManifest(files: Readonly<Record<string, Uint8Array>>, change: Partial<ReleaseManifest> = {}) {
  const manifest: ReleaseManifest = {
    format: 'testudo/release/1',
    federation: herd,
    track: syscall,
    version: 2,
    base: { version: 1, digest: digestOf(Buffer.from('base')) },
    round: null,
    schemaDigest: digestOf(Buffer.from('schema')),
    createdAtMs: nowMs,
    build: '0.1.0',
    files: Object.entries(files)
      .map(([name, bytes]) => ({ name, digest: digestOf(bytes), bytes: bytes.byteLength }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...change,
  };
  const bytes = encodeManifest(manifest);
  const target: ReleaseTarget = {
    track: syscall,
    version: 2,
    manifest: { digest: digestOf(bytes), bytes: bytes.byteLength },
  };
  return { manifest, bytes, target };
}
