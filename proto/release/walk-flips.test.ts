import { createHash, type Hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import type { Digest } from '../ids.ts';
import type { ReleaseTarget } from './documents/catalogue.ts';
import { checkRelease, openManifest, type ReleaseManifest } from './documents/manifest.ts';
import {
  herd,
  nowMs,
  sampleCatalogue,
  sampleManifest,
  samplePin,
  sampleRoot,
  sampleSet,
  sampleTarget,
  sampleTrust,
  signedRoot,
  signers,
} from './testing/sample-federation.ts';
import type { ReleaseTrust } from './trust.ts';
import { type ReleaseProposal, walkReleases } from './walk.ts';

const trust = sampleTrust();
/** `npm run campaign:flips` tries more. */
const flips = Number(process.env.TESTUDO_RELEASE_FLIPS ?? 2_000);

/** A whole release as it reaches an agent: a root that follows, the four pieces, the manifest and its files. */
function sampleRelease(files: Readonly<Record<string, Buffer>>, releases: readonly ReleaseTarget[]) {
  const { bytes: manifest, target } = sampleManifest(files);
  const catalogue = sampleCatalogue({ releases: [target, ...releases] });
  const set = sampleSet({ catalogue, pins: { pins: [samplePin()] } });
  // Key 66 is nobody's: its signature is there to show what of a set is without meaning.
  const root = signedRoot(sampleRoot(signers, { version: 2 }), [1, 2, 66]);
  const { timestamp, snapshot } = set;
  const pieces = { root, timestamp, snapshot, catalogue: set.catalogue, pins: set.pins, manifest, ...files };
  return {
    pieces: Object.fromEntries(Object.entries(pieces).map(([name, piece]) => [name, Buffer.from(piece)])),
    files,
  };
}

type Release = ReturnType<typeof sampleRelease>;

type SignedPieces = Record<'timestamp' | 'snapshot' | 'catalogue' | 'pins' | 'manifest', Buffer> & { root?: Buffer };
type Signed = Readonly<{ manifest: ReleaseManifest; [part: string]: unknown }>;

/** What the checks before a flipped piece have made of the bytes that are as they were: they need not run again. */
type Before = Readonly<{ rooted?: ReleaseTrust; walked?: ReleaseProposal }>;

/** What an agent makes of the signed pieces and the manifest; or the first refusal. */
function receiveSigned({ pieces }: Release, before: Before = {}): Result<Signed> {
  const { root, timestamp, snapshot, catalogue, pins, manifest } = pieces as SignedPieces;
  let { walked } = before;
  if (walked === undefined) {
    const roots = root === undefined || before.rooted !== undefined ? [] : [root];
    const { result } = walkReleases(before.rooted ?? trust, { roots, timestamp, snapshot, catalogue, pins }, nowMs);
    if (!result.ok) return result;
    if (result.value === null) throw new Error('expected a proposal, got roots alone');
    walked = result.value;
  }
  const target = walked.catalogue.releases.find(({ version }) => version === 2) as ReleaseTarget;
  const opened = openManifest(manifest, target, herd);
  if (!opened.ok) return opened;
  const { root: by, catalogue: listed, pins: pinned } = walked;
  return { ok: true, value: { root: by, catalogue: listed, pins: pinned, manifest: opened.value } };
}

/** And of the files beside them; digests that are known need not be computed again. */
function receive(release: Release, known: Readonly<Record<string, Digest>> = {}, signed = receiveSigned(release)) {
  if (!signed.ok) return signed;
  const measured = Object.keys(release.files).map((name) => {
    const bytes = release.pieces[name] as Buffer;
    return { name, digest: known[name] ?? digestOf(bytes), bytes: bytes.byteLength };
  });
  const checked = checkRelease(signed.value.manifest, measured);
  return checked.ok ? signed : checked;
}

describe('a flipped byte', () => {
  const release = sampleRelease({ 'weights.bin': Buffer.from('some weights'), 'spec.json': Buffer.from('{}') }, []);
  const whole = receive(release);

  it('anywhere in a small release is refused, or lies in a signature that nobody needs and changes nothing', () => {
    expect(whole).toMatchObject({ ok: true });
    const text = release.pieces.root?.toString() ?? '';
    // The stranger's signature: its 64 + 128 digits may become other digits; nothing else may change at all.
    const spare = [...text.matchAll(/[0-9a-f]{64}","sig":"[0-9a-f]{128}/g)]
      .map(({ index, 0: { length } }) => ({ from: index, to: index + length }))
      .filter(({ from }) => receive(without(release, from)).ok);
    expect(spare).toHaveLength(1);
    const roots = [release.pieces.root as Buffer];
    const { rooted, result: proposed } = walkReleases(trust, { roots, ...(release.pieces as SignedPieces) }, nowMs);
    const walked = unwrap(proposed) as ReleaseProposal;
    let refused = 0;
    let harmless = 0;
    for (const [name, bytes] of Object.entries(release.pieces)) {
      const before = name === 'root' ? {} : name === 'manifest' || name in release.files ? { walked } : { rooted };
      for (let at = 0; at < bytes.byteLength; at += 1) {
        const changed = flipped(release, name, at, 1 << (at % 8));
        const result = receive(changed, {}, receiveSigned(changed, before));
        if (!result.ok) {
          refused += 1;
          continue;
        }
        harmless += 1;
        expect(result).toEqual(whole);
        expect(name).toBe('root');
        expect(spare.some(({ from, to }) => at >= from && at < to)).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(4_000);
    expect(harmless).toBeGreaterThan(16);
  });

  it(`${flips} times at random in a large release is refused every time`, () => {
    const weights = Buffer.alloc(1_200_000, 'weights of a model ');
    const files = {
      'weights.bin': weights,
      'model.int8.onnx': Buffer.alloc(300_000, 'light '),
      'spec.json': Buffer.alloc(4_000, '{}'),
    };
    // Without the root: the test above shows its stranger's signature to be the only place without meaning.
    const { pieces: all, ...rest } = sampleRelease(
      files,
      Array.from({ length: 800 }, (_, at) => sampleTarget(at + 3)),
    );
    const { root: _root, ...pieces } = all;
    const large: Release = { ...rest, pieces };
    const untouched = receiveSigned(large);
    expect(receive(large).ok).toBe(true);
    const known = Object.fromEntries(Object.keys(files).map((name) => [name, digestOf(large.pieces[name] as Buffer)]));
    const digests = new Map(Object.keys(files).map((name) => [name, digesting(large.pieces[name] as Buffer)]));
    const sizes = Object.entries(pieces).map(([name, { byteLength }]) => ({ name, byteLength }));
    const total = sizes.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const random = lcg(42);
    const hit = new Map<string, number>();
    for (let flip = 0; flip < flips; flip += 1) {
      // A quarter of the flips where the signed metadata is, which is small beside the weights.
      const small = sizes.filter(({ name }) => !(name in files));
      const among = flip % 4 > 0 ? sizes : small;
      let at = Math.floor(random() * among.reduce((sum, { byteLength }) => sum + byteLength, 0));
      const piece = among.find(({ byteLength }) => {
        if (at < byteLength) return true;
        at -= byteLength;
        return false;
      }) as { name: string };
      hit.set(piece.name, (hit.get(piece.name) ?? 0) + 1);
      const bytes = pieces[piece.name] as Buffer;
      const was = bytes[at] as number;
      bytes[at] = was ^ (1 + Math.floor(random() * 255));
      // Digests of untouched files are known; the touched one is measured.
      const touched = digests.get(piece.name)?.(at);
      const signed = touched === undefined ? receiveSigned(large) : untouched;
      const told = touched === undefined ? known : { ...known, [piece.name]: touched };
      expect(receive(large, told, signed).ok).toBe(false);
      bytes[at] = was;
    }
    expect(total).toBeGreaterThan(1_500_000);
    expect(hit.get('weights.bin')).toBeGreaterThan(0.3 * flips);
    expect(hit.get('catalogue')).toBeGreaterThan(0.2 * flips);
  });
});

function flipped(release: Release, name: string, at: number, mask: number): Release {
  const bytes = Buffer.from(release.pieces[name] as Buffer);
  bytes[at] = (bytes[at] as number) ^ mask;
  return { ...release, pieces: { ...release.pieces, [name]: bytes } };
}

/** SHA-256 of bytes of which the one at `at` has changed since: from the last state before it, not from the beginning. */
function digesting(bytes: Buffer): (at: number) => Digest {
  const step = 65_536;
  const states: Hash[] = [createHash('sha256')];
  for (let at = step; at <= bytes.byteLength; at += step) {
    states.push((states.at(-1) as Hash).copy().update(bytes.subarray(at - step, at)));
  }
  return (at) => {
    const index = Math.floor(at / step);
    const hash = (states[index] as Hash).copy().update(bytes.subarray(index * step));
    return `sha256:${hash.digest('hex')}` as Digest;
  };
}

/** The release with one digit of the root changed to another digit. */
function without(release: Release, at: number): Release {
  const text = release.pieces.root?.toString() ?? '';
  const digit = text[at] === '0' ? '1' : '0';
  const root = Buffer.from(text.slice(0, at) + digit + text.slice(at + 1));
  return { ...release, pieces: { ...release.pieces, root } };
}

/** Park and Miller's generator: the same flips on every run. */
function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
