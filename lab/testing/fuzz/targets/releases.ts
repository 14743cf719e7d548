import { zstdCompressSync } from 'node:zlib';
import { ok, type Result } from '../../../../base/fault.ts';
import { unpackChunk } from '../../../../proto/chunk-encoding.ts';
import { digestOf } from '../../../../proto/digest.ts';
import { ChunkEncoding } from '../../../../proto/generated/testudo/v1/releases.ts';
import type { ReleaseTarget } from '../../../../proto/release/documents/catalogue.ts';
import { danglingIn } from '../../../../proto/release/documents/dangling.ts';
import { encodeManifest, openManifest } from '../../../../proto/release/documents/manifest.ts';
import { decodeSnapshot, decodeTimestamp } from '../../../../proto/release/documents/pointers.ts';
import { type ReleaseRole, type ReleaseRoot, releaseRoles } from '../../../../proto/release/documents/root.ts';
import { openCatalogue, openPins, openRoot } from '../../../../proto/release/open.ts';
import { signCatalogue, signPins, signRoot } from '../../../../proto/release/sign.ts';
import {
  herd,
  keyPair,
  nowMs,
  sampleCatalogue,
  sampleManifest,
  samplePin,
  sampleRoot,
  sampleSet,
  sampleTrust,
  signedRoot,
  signers,
} from '../../../../proto/release/testing/sample-federation.ts';
import { parseTrust } from '../../../../proto/release/trust.ts';
import { walkReleases } from '../../../../proto/release/walk.ts';
import { refused, type Target, textOf } from '../target.ts';
import { jsonOf } from './json-of.ts';

const words = [
  ...[
    '"signatures":',
    '"signed":',
    '"keyid":',
    '"sig":',
    '"_type":',
    '"targets"',
    '"snapshot"',
    '"root"',
    '"version":',
  ],
  ...['"expires":"2027-01-01T00:00:00Z"', '"spec_version":"1.0.34"', '"meta":', '"hashes":', '"sha256":', '"length":'],
  ...['"federation":"herd"', '"releases":', '"tracks":', '"floor":', '"channels":', '"pins":', '"threshold":'],
];

/** A document whose content is written anew, signed with one key, and must say the same. */
function document<Content>(
  name: string,
  seeds: () => readonly Uint8Array[],
  read: (bytes: Uint8Array) => Result<Content>,
  write?: (content: Content) => Uint8Array | undefined,
): Target {
  return {
    name,
    words,
    seeds,
    inputsInTests: 500,
    read(bytes) {
      const opened = read(bytes);
      if (!opened.ok) return refused(opened.fault.code);
      const { value } = opened;
      const again = write?.(value);
      return again === undefined ? { kind: 'read', value } : { kind: 'read', value, again };
    },
  };
}

const pinned = () => sampleSet({ pins: { pins: [samplePin(), samplePin({ pinId: 'p2', untilMs: nowMs + 1_000 })] } });
const files = { 'weights.f32': Buffer.from('weights'), 'spec.json': Buffer.from('{}') };

const manifest: Target = {
  name: 'release-manifest',
  words: ['"files":', '"track":"syscall"', '"round":null', '"base":'],
  seeds: () => [sampleManifest(files).bytes],
  read(bytes) {
    // As if the catalogue named these very bytes: what a thief of the release key can do.
    const target = {
      ...sampleManifest(files).target,
      manifest: { digest: digestOf(bytes), bytes: bytes.byteLength },
    } as ReleaseTarget;
    const opened = openManifest(bytes, target, herd);
    return opened.ok
      ? { kind: 'read', value: opened.value, again: encodeManifest(opened.value) }
      : refused(opened.fault.code);
  },
  isCanonical: true,
};

/** The first byte says which piece of a signed set the others stand for. */
const pieces = ['roots', 'timestamp', 'snapshot', 'catalogue', 'pins'] as const;

/** What the walk begins with: it changes neither, which the second trust shows. */
const known = { set: pinned(), trust: sampleTrust(), sameTrust: sampleTrust() };

const walk: Target = {
  name: 'release-walk',
  words,
  inputsInTests: 100,
  seeds: () => {
    const set = { ...pinned(), roots: signedRoot(sampleRoot(signers, { version: 2 })) };
    return pieces.map((piece, at) => Buffer.concat([Buffer.of(at), set[piece]]));
  },
  read(bytes) {
    const piece = pieces[(bytes[0] ?? 0) % pieces.length] as (typeof pieces)[number];
    const given = bytes.subarray(1);
    const { rooted, result } = walkReleases(
      known.trust,
      { ...known.set, [piece]: piece === 'roots' ? [given] : given },
      nowMs,
    );
    // A set of which a piece is another, and roots that nobody signed, change nothing.
    if (!result.ok)
      return piece === 'roots' ? refused(result.fault.code) : { kind: 'read', value: rooted, also: known.sameTrust };
    return { kind: 'read', value: result.value };
  },
};

const trust: Target = {
  name: 'release-trust',
  words: ['"floors":', '"accepted":', '"root":', '"__proto__":'],
  seeds: () => [Buffer.from(JSON.stringify({ ...sampleTrust(), floors: { syscall: 3 } }))],
  inputsInTests: 500,
  read(bytes) {
    const parsed = parseTrust(jsonOf(textOf(bytes)));
    if (!parsed.ok) return refused(parsed.fault.code);
    return { kind: 'read', value: parsed.value, again: Buffer.from(JSON.stringify(parsed.value)) };
  },
};

/** A packed chunk of a file: its length as the message says it, and its bytes. */
const chunk: Target = {
  name: 'release-chunk',
  seeds: () =>
    [1, 100, 70_000].map((length) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      return Buffer.concat([head, zstdCompressSync(Buffer.alloc(length, 'light form'))]);
    }),
  inputsInTests: 700,
  read(bytes) {
    if (bytes.length < 4) return refused('CUT');
    const unpackedBytes = Buffer.from(bytes).readUInt32BE();
    const packed = {
      encoding: ChunkEncoding.CHUNK_ENCODING_ZSTD,
      unpackedBytes,
      chunk: Buffer.from(bytes.subarray(4)),
    };
    const unpacked = unpackChunk(packed);
    return unpacked.ok ? { kind: 'read', value: [unpackedBytes, unpacked.value.length] } : refused(unpacked.fault.code);
  },
};

export const releaseTargets: readonly Target[] = [
  document(
    'release-root',
    () => [signedRoot(sampleRoot()), signedRoot(sampleRoot(signers, { version: 2 }), [1, 2, 66])],
    openRoot,
    // Keys of types that nobody knows count for nobody: such a root is read, and never written by us.
    (root) => (releaseRoles.every((role) => isReachable(root, role)) ? signRoot(root, [keyPair(1)]) : undefined),
  ),
  document('release-timestamp', () => [sampleSet().timestamp], decodedHead(decodeTimestamp)),
  document('release-snapshot', () => [sampleSet().snapshot], decodedHead(decodeSnapshot)),
  document(
    'release-catalogue',
    () => [sampleSet().catalogue, sampleSet({ catalogue: sampleCatalogue({ assignments: [] }) }).catalogue],
    (bytes) => openCatalogue(bytes, herd),
    // Agents pass over a channel that points at nothing; we write none.
    (catalogue) => (danglingIn(catalogue) === undefined ? signCatalogue(catalogue, herd, [keyPair(20)]) : undefined),
  ),
  document(
    'release-pins',
    () => [pinned().pins],
    (bytes) => openPins(bytes, herd),
    (pins) => signPins(pins, herd, [keyPair(30)]),
  ),
  manifest,
  walk,
  trust,
  chunk,
];

function isReachable({ roles }: ReleaseRoot, role: ReleaseRole): boolean {
  const { publicKeys, threshold } = roles[role];
  return publicKeys.length >= threshold || (role === 'pins' && publicKeys.length === 0);
}

/** Without the signed bytes, which are a view of the input. */
function decodedHead<Opened extends Readonly<{ signed: unknown }>>(decode: (bytes: Uint8Array) => Result<Opened>) {
  return (bytes: Uint8Array): Result<Omit<Opened, 'signed'>> => {
    const opened = decode(bytes);
    if (!opened.ok) return opened;
    const { signed: _, ...rest } = opened.value;
    return ok(rest);
  };
}
