import { describe, expect, it } from 'vitest';
import { canonicalBytes, type JsonValue } from '../../base/canonical-json.ts';
import type { Result } from '../../base/fault.ts';
import { unwrap } from '../../base/fault.ts';
import { parseFederationId } from '../ids.ts';
import { rootsMax } from './documents/names.ts';
import { decodePins } from './documents/pins-document.ts';
import { checkPointedAt, decodeSnapshot, decodeTimestamp } from './documents/pointers.ts';
import { decodeRoot } from './documents/root.ts';
import { followRoots } from './follow-roots.ts';
import { openCatalogue, openPins } from './open.ts';
import { signCatalogue, signPins, signRoot, signSnapshot, signTimestamp } from './sign.ts';
import {
  dayMs,
  herd,
  keyPair,
  nowMs,
  pointAt,
  reforge,
  sampleCatalogue,
  samplePin,
  samplePins,
  sampleRoot,
  sampleSet,
  sampleTrack,
  sampleTrust,
  signedRoot,
  signers,
  syscall,
} from './testing/sample-federation.ts';
import { trustedRoot } from './trust.ts';
import { type ReceivedReleases, walkReleases } from './walk.ts';

const flock = parseFederationId('flock');

/** What an operator reads, and the role that a program does. */
function told(result: Result<unknown>) {
  if (result.ok) throw new Error('expected a refusal');
  return { role: result.fault.fields?.role, message: result.fault.message };
}
const names = (role: string, ...more: readonly (string | number)[]) => ({
  role,
  message: expect.stringMatching(new RegExp(`^${[`${role}:`, ...more].join('.*')}`)),
});
const walked = (received: Partial<ReceivedReleases>, trust = sampleTrust(), atMs = nowMs) =>
  told(walkReleases(trust, { ...sampleSet(), ...received }, atMs).result);

describe('a refusal names the piece that is wrong', () => {
  const junk = Buffer.from('{}');

  it.each([
    ['root', (bytes: Uint8Array) => decodeRoot(bytes)],
    ['timestamp', (bytes: Uint8Array) => decodeTimestamp(bytes)],
    ['snapshot', (bytes: Uint8Array) => decodeSnapshot(bytes)],
    ['targets', (bytes: Uint8Array) => openCatalogue(bytes, herd)],
    ['pins', (bytes: Uint8Array) => openPins(bytes, herd)],
  ] as const)('where it is no %s', (role, open) => {
    expect(told(open(junk))).toEqual(names(role));
  });

  it('where another federation signed it', () => {
    const catalogue = signCatalogue(sampleCatalogue(), flock, []);
    expect(told(openCatalogue(catalogue, herd))).toEqual(names('targets', 'flock'));
    expect(told(openPins(signPins(samplePins(), flock, []), herd))).toEqual(names('pins', 'flock'));
  });

  it.each<[string, () => Buffer]>([
    ['root', () => signRoot(sampleRoot(signers, { version: 0 }), [])],
    ['targets', () => signCatalogue(sampleCatalogue({ version: 0 }), herd, [])],
    ['pins', () => signPins(samplePins({ version: 0 }), herd, [])],
    ['timestamp', () => signTimestamp({ version: 0, expiresAtMs: nowMs, snapshot: sampleSet().snapshot }, herd, [])],
    [
      'snapshot',
      () => signSnapshot({ version: 0, expiresAtMs: nowMs, catalogue: sampleSet().catalogue, pins: null }, herd, []),
    ],
  ])('where our own %s was not to be signed', (role, sign) => {
    expect(sign).toThrow(new RegExp(`^${role}: "version"`));
  });

  it('where a timestamp points at a snapshot that is none', () => {
    const snapshot = reforge(sampleSet().snapshot, [10], (signed) => void Object.assign(signed, { meta: {} }));
    const timestamp = signTimestamp({ version: 1, expiresAtMs: nowMs + dayMs, snapshot }, herd, [keyPair(10)]);
    expect(walked({ timestamp, snapshot })).toEqual(names('snapshot', 'meta'));
  });
});

describe('a refusal of a set says', () => {
  const other = sampleSet({ catalogue: { version: 2 }, pins: { version: 2 }, snapshot: { version: 2 } });

  it.each([
    ['snapshot', 'snapshot', 'timestamp'],
    ['targets', 'catalogue', 'snapshot'],
    ['pins', 'pins', 'snapshot'],
  ] as const)('that the %s is not the one that is named, and by what', (role, piece, by) => {
    const length = Buffer.concat([sampleSet()[piece], Buffer.from(' ')]);
    expect(walked({ [piece]: length })).toEqual(names(role, 'length', by));
    expect(walked({ [piece]: other[piece] })).toEqual(names(role, 'digest', by));
  });

  it('whether it was the length or the digest that differed', () => {
    const pointer = { version: 1, bytes: 3, sha256: '0'.repeat(64) };
    expect(told(checkPointedAt('pins', pointer, Buffer.from('four'), 'snapshot'))).toEqual(names('pins', 'length'));
    expect(told(checkPointedAt('pins', pointer, Buffer.from('two'), 'snapshot'))).toEqual(names('pins', 'digest'));
  });

  it.each([
    ['snapshot', 'timestamp', 'snapshot.json'],
    ['targets', 'snapshot', 'targets.json'],
    ['pins', 'snapshot', 'pins.json'],
  ] as const)('which version the %s has, and which the %s gives it', (role, by, file) => {
    const set = sampleSet();
    const lying = reforge(set[by], [10], (signed) => {
      const { meta } = signed as unknown as { meta: Record<string, object> };
      meta[file] = { ...meta[file], version: 6 };
    });
    const head = { version: 1, expiresAtMs: nowMs + dayMs };
    const received =
      by === 'timestamp'
        ? { timestamp: lying }
        : { snapshot: lying, timestamp: signTimestamp({ ...head, snapshot: lying }, herd, [keyPair(10)]) };
    expect(walked(received)).toEqual(names(role, 'version 1\\b', by, 6));
  });

  const versions = (version: number) => ({
    timestamp: { version },
    snapshot: { version },
    catalogue: { version },
    pins: { version },
  });
  const found = unwrap(walkReleases(sampleTrust(), sampleSet(versions(5)), nowMs).result);
  const trust = found?.next ?? sampleTrust();

  it.each([
    ['timestamp', 'timestamp'],
    ['snapshot', 'snapshot'],
    ['targets', 'catalogue'],
    ['pins', 'pins'],
  ] as const)('which version of the %s came after which, and that there were two of one', (role, piece) => {
    const back = { ...versions(6), [piece]: { version: 4 } };
    expect(walked(sampleSet(back), trust)).toEqual(names(role, 'version 4', 5));
    const expiresAtMs = nowMs + dayMs / 2;
    const twice = { ...versions(6), [piece]: { version: 5, expiresAtMs } };
    expect(walked(sampleSet(twice), trust)).toEqual(names(role, 'version 5\\b'));
    const ended = { ...versions(6), [piece]: { version: 6, expiresAtMs } };
    const at = '2026-11-22T00:00:00.000Z';
    expect(walked(sampleSet(ended), trust, expiresAtMs)).toEqual(names(role, 'version 6\\b', at));
  });

  it('whose floor it lowers, from what to what', () => {
    const floor = (to: number) => ({ tracks: { [syscall]: sampleTrack({ floor: to }) } });
    const high = unwrap(walkReleases(sampleTrust(), sampleSet({ catalogue: floor(2) }), nowMs).result);
    const lowered = sampleSet({
      catalogue: { ...floor(1), version: 2 },
      snapshot: { version: 2 },
      timestamp: { version: 2 },
    });
    expect(walked(lowered, high?.next)).toEqual(names('targets', 'syscall', 2, 1));
  });

  it('how many signatures count, of how many, and by which root', () => {
    const by = { ...signers, pins: { keys: [30], threshold: 1 } };
    expect(walked(sampleSet({ by }))).toEqual(names('pins', 1, 'root 1', 2));
  });

  it('that its pins came though nobody may sign any, and that they are missing where somebody may', () => {
    const { catalogue, pins } = sampleSet();
    const unlisted = { catalogue, ...pointAt({ catalogue, pins: null }) };
    const nobody = sampleTrust(sampleRoot({ ...signers, pins: { keys: [], threshold: 1 } }));
    expect(walked({ ...unlisted, pins }, nobody)).toEqual(names('pins', 'does not list', 'no keys'));
    expect(walked({ ...unlisted, pins: Buffer.alloc(0) })).toEqual(names('pins', 'does not list', 'names keys'));
    const listed = { ...pointAt({ catalogue, pins }), catalogue, pins: Buffer.alloc(0) };
    expect(walked(listed, nobody)).toEqual(names('pins', 'length', 'snapshot'));
  });
});

describe('roots that cannot follow', () => {
  const follow = (roots: readonly Uint8Array[]) => followRoots(sampleTrust(), roots).fault;

  it('are too many at once: it says how many may come', () => {
    const old = signedRoot(sampleRoot());
    expect(follow(Array(rootsMax).fill(old))).toBeUndefined();
    const message = expect.stringMatching(/^root: 1025 .*1024/);
    expect(follow(Array(rootsMax + 1).fill(old))).toMatchObject({ code: 'METADATA_TOO_LARGE', message });
  });

  it('are of another federation, or leave one out', () => {
    const root = (change: object) =>
      told({ ok: false, fault: follow([signedRoot(sampleRoot(signers, change))]) as never });
    expect(root({ version: 2, federation: flock })).toEqual(names('root', 'flock'));
    expect(root({ version: 3 })).toEqual(names('root', 3, 1));
    expect(follow([signedRoot(sampleRoot(signers, { version: 3 }))])?.fields).toEqual({ role: 'root', version: 3 });
  });

  it('are followed from no trust whose root is none', () => {
    expect(() => trustedRoot({ ...sampleTrust(), root: '{}' })).toThrow(TypeError);
    expect(() => trustedRoot({ ...sampleTrust(), root: '{}' })).toThrow(/^trust: root: /);
  });
});

describe('a refusal repeats of what a peer named', () => {
  const long = 'x'.repeat(100_000);
  const root = (change: (document: { signed: Record<string, object> }) => object) =>
    told(decodeRoot(canonicalBytes(change(JSON.parse(signedRoot(sampleRoot()).toString())) as JsonValue)));

  it('no more than a line, be it where something is wrong or what', () => {
    const named = root(({ signed, ...rest }) => ({ ...rest, signed: { ...signed, keys: { [long]: {} } } }));
    expect(named.message).toMatch(/^root: "keys"."x{100}/);
    expect(named.message.length).toBeLessThan(500);
    const unknown = root((document) => ({ ...document, [long]: 1 }));
    expect(unknown.message).toMatch(/^root: shape: .*x{100}/);
    expect(unknown.message.length).toBeLessThan(500);
  });
});

it('pins that were set one by one are all read', () => {
  const pins = samplePins({ pins: ['p1', 'p2'].map((pinId) => samplePin({ pinId })) });
  expect(unwrap(decodePins(signPins(pins, herd, []))).pins).toEqual(pins);
});
