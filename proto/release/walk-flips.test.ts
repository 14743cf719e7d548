import { describe, expect, it } from 'vitest';
import { digestOf } from '../digest.ts';
import type { Result } from '../fault.ts';
import type { ReleaseTarget } from './catalogue.ts';
import { checkRelease, openManifest } from './manifest.ts';
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
import { walkReleases } from './walk.ts';

const trust = sampleTrust();

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

/** What an agent makes of it: catalogue, pins, root and manifest; or the first refusal. */
function receive({ pieces, files }: Release, known: Readonly<Record<string, string>> = {}): Result<unknown> {
  const { root, timestamp, snapshot, catalogue, pins, manifest } = pieces as Record<string, Buffer> &
    Record<'root' | 'timestamp' | 'snapshot' | 'catalogue' | 'pins' | 'manifest', Buffer>;
  const walked = walkReleases(trust, { roots: [root], timestamp, snapshot, catalogue, pins }, nowMs).result;
  if (!walked.ok || walked.value === null) return walked;
  const target = walked.value.catalogue.releases.find(({ version }) => version === 2) as ReleaseTarget;
  const opened = openManifest(manifest, target, herd);
  if (!opened.ok) return opened;
  const measured = Object.keys(files).map((name) => {
    const bytes = pieces[name] as Buffer;
    return { name, digest: (known[name] ?? digestOf(bytes)) as never, bytes: bytes.byteLength };
  });
  const checked = checkRelease(opened.value, measured);
  if (!checked.ok) return checked;
  const { root: openedRoot, catalogue: openedCatalogue, pins: openedPins } = walked.value;
  return {
    ok: true,
    value: { root: openedRoot, catalogue: openedCatalogue, pins: openedPins, manifest: opened.value },
  };
}

describe('a flipped byte', () => {
  const release = sampleRelease({ 'weights.bin': Buffer.from('some weights'), 'spec.json': Buffer.from('{}') }, []);
  const whole = receive(release);

  it('anywhere in a small release is refused, or lies in a signature that nobody needs and changes nothing', () => {
    expect(whole.ok).toBe(true);
    const text = release.pieces.root?.toString() ?? '';
    // The stranger's signature: its 64 + 128 digits may become other digits; nothing else may change at all.
    const spare = [...text.matchAll(/[0-9a-f]{64}","sig":"[0-9a-f]{128}/g)]
      .map(({ index, 0: { length } }) => ({ from: index, to: index + length }))
      .filter(({ from }) => !receive(without(release, from)).ok === false);
    expect(spare).toHaveLength(1);
    let refused = 0;
    let harmless = 0;
    for (const [name, bytes] of Object.entries(release.pieces)) {
      for (let at = 0; at < bytes.byteLength; at += 1) {
        for (const mask of [0x01, 0x20, 1 << (at % 8)]) {
          const result = receive(flipped(release, name, at, mask));
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
    }
    expect(refused).toBeGreaterThan(12_000);
    expect(harmless).toBeGreaterThan(64);
  });

  it('10,000 times at random in a large release is refused every time', () => {
    const weights = Buffer.alloc(1_200_000, 'weights of a model ');
    const files = {
      'weights.bin': weights,
      'model.int8.onnx': Buffer.alloc(300_000, 'light '),
      'spec.json': Buffer.alloc(4_000, '{}'),
    };
    const large = sampleRelease(
      files,
      Array.from({ length: 800 }, (_, at) => sampleTarget(at + 3)),
    );
    expect(receive(large).ok).toBe(true);
    const known = Object.fromEntries(Object.keys(files).map((name) => [name, digestOf(large.pieces[name] as Buffer)]));
    // The stranger's signature in the root is left out here: the test above shows it to be the only harmless place.
    const { root: _, ...targets } = large.pieces;
    const sizes = Object.entries(targets).map(([name, { byteLength }]) => ({ name, byteLength }));
    const total = sizes.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const random = lcg(42);
    const hit = new Map<string, number>();
    for (let flip = 0; flip < 10_000; flip += 1) {
      // Half of the flips where the signed metadata is, which is small beside the weights.
      const small = sizes.filter(({ name }) => !(name in files));
      const among = flip % 2 === 0 ? sizes : small;
      let at = Math.floor(random() * among.reduce((sum, { byteLength }) => sum + byteLength, 0));
      const piece = among.find(({ byteLength }) => {
        if (at < byteLength) return true;
        at -= byteLength;
        return false;
      }) as { name: string };
      hit.set(piece.name, (hit.get(piece.name) ?? 0) + 1);
      const changed = flipped(large, piece.name, at, 1 + Math.floor(random() * 255));
      // Digests of untouched files are known; the touched one is measured.
      const { [piece.name]: _untold, ...others } = known;
      expect(receive(changed, others).ok).toBe(false);
    }
    expect(total).toBeGreaterThan(1_500_000);
    expect(hit.get('weights.bin')).toBeGreaterThan(3_000);
    expect(hit.get('catalogue')).toBeGreaterThan(1_000);
  }, 120_000);
});

function flipped(release: Release, name: string, at: number, mask: number): Release {
  const bytes = Buffer.from(release.pieces[name] as Buffer);
  bytes[at] = (bytes[at] as number) ^ mask;
  return { ...release, pieces: { ...release.pieces, [name]: bytes } };
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
