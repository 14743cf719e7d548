import { Metadata, MetadataKind, type Root } from '@tufjs/models';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { parseFederationId } from '../ids.ts';
import { addSignatures, mergeSignatures, signedness } from './co-sign.ts';
import { keyIdOf } from './documents/key-id.ts';
import { openCatalogue, openPins, openRoot } from './open.ts';
import { signCatalogue, signPins } from './sign.ts';
import {
  forge,
  herd,
  keyPair,
  sampleCatalogue,
  samplePin,
  samplePins,
  sampleRoot,
  sampleSet,
  sampleTrack,
  signedRoot,
  signers,
  syscall,
} from './testing/sample-federation.ts';

const root = sampleRoot();
const pinsBy = (...keys: number[]) => signPins(samplePins({ pins: [samplePin()] }), herd, keys.map(keyPair));
const idOf = (key: number) => keyIdOf(keyPair(key).publicKey);

describe('mergeSignatures', () => {
  it('puts together what two people signed apart, the same bytes as if they had signed together', () => {
    const merged = unwrap(mergeSignatures('pins', [pinsBy(30), pinsBy(31)], [root]));
    expect(merged).toEqual(pinsBy(30, 31));
    expect(unwrap(signedness(root, 'pins', merged))).toEqual({ by: [idOf(30), idOf(31)], missing: 0 });
  });

  it('leaves out strangers and bad signatures, which must not stand in the way of good ones', () => {
    const { signed } = JSON.parse(pinsBy().toString()) as { signed: never };
    const bad = forge({ ...(signed as object), version: 9 }, [30]);
    const { signatures } = JSON.parse(bad.toString()) as { signatures: never[] };
    const spoilt = Buffer.from(JSON.stringify({ signatures, signed }));
    expect(unwrap(mergeSignatures('pins', [spoilt, pinsBy(66), pinsBy(30, 31)], [root]))).toEqual(pinsBy(30, 31));
  });

  it('refuses copies that differ in what was signed', () => {
    const other = signPins(samplePins({ version: 2 }), herd, [keyPair(31)]);
    expect(mergeSignatures('pins', [pinsBy(30), other], [root])).toMatchObject({
      fault: { code: 'METADATA_MISMATCHED' },
    });
  });

  it('keeps for a new root the signatures of old and new keys', () => {
    const next = sampleRoot({ ...signers, root: { keys: [4, 5], threshold: 2 } }, { version: 2 });
    const copies = [[1], [2, 4], [5, 66]].map((by) => signedRoot(next, by));
    const merged = unwrap(mergeSignatures('root', copies, [root, next]));
    expect(merged).toEqual(signedRoot(next, [1, 2, 4, 5]));
  });
});

describe('addSignatures', () => {
  it('adds to what is signed already, once per key', () => {
    expect(unwrap(addSignatures('pins', pinsBy(30), [keyPair(31), keyPair(30)]))).toEqual(pinsBy(30, 31));
    expect(unwrap(signedness(root, 'pins', pinsBy(30)))).toEqual({ by: [idOf(30)], missing: 1 });
  });

  it('refuses what is not a document of the role', () => {
    expect(addSignatures('pins', sampleSet().catalogue, [])).toMatchObject({ fault: { code: 'METADATA_INVALID' } });
  });
});

describe('what is signed here', () => {
  it('another implementation of TUF reads and verifies: the library that we only write with', () => {
    const set = sampleSet({ pins: { pins: [samplePin()] } });
    const read = (bytes: Uint8Array) =>
      JSON.parse(Buffer.from(bytes).toString()) as Parameters<typeof Metadata.fromJSON>[1];
    const trusted: Metadata<Root> = Metadata.fromJSON(MetadataKind.Root, read(signedRoot(root)));
    trusted.verifyDelegate('root', trusted);
    trusted.verifyDelegate('timestamp', Metadata.fromJSON(MetadataKind.Timestamp, read(set.timestamp)));
    const snapshot = Metadata.fromJSON(MetadataKind.Snapshot, read(set.snapshot));
    trusted.verifyDelegate('snapshot', snapshot);
    trusted.verifyDelegate('targets', Metadata.fromJSON(MetadataKind.Targets, read(set.catalogue)));
    trusted.verifyDelegate('pins', Metadata.fromJSON(MetadataKind.Targets, read(set.pins)));
    snapshot.signed.meta['targets.json']?.verify(Buffer.from(set.catalogue));
    const wrong = Metadata.fromJSON(MetadataKind.Targets, read(set.pins));
    expect(() => trusted.verifyDelegate('targets', wrong)).toThrow(/signed by 0\/1/);
  });

  it('opens again as it was, and only for its federation', () => {
    const catalogue = sampleCatalogue();
    const bytes = signCatalogue(catalogue, herd, []);
    expect(unwrap(openCatalogue(bytes, herd))).toEqual(catalogue);
    expect(openCatalogue(bytes, parseFederationId('flock'))).toMatchObject({ fault: { code: 'METADATA_INVALID' } });
    expect(unwrap(openPins(pinsBy(), herd))).toEqual(samplePins({ pins: [samplePin()] }));
    expect(unwrap(openRoot(signedRoot(root)))).toEqual(root);
  });
});

describe('signCatalogue', () => {
  const stable = { version: 2, shadows: null };
  it.each([
    ['a version not listed', { channels: { stable: { version: 9, shadows: null } } }],
    ['a revoked version', { revoked: [2] }],
    ['a version below the floor', { floor: 3 }],
    ['a channel that is not there', { channels: { stable, canary: { version: 3, shadows: 'steady' } } }],
    [
      'a channel in shadow itself',
      { channels: { stable, canary: { version: 3, shadows: 'stable' }, x: { version: 3, shadows: 'canary' } } },
    ],
    ['a revoked list out of order', { revoked: [5, 4] }],
  ])('refuses to sign a channel that points at %s', (_, change) => {
    const catalogue = sampleCatalogue({ tracks: { [syscall]: sampleTrack(change) } });
    expect(() => signCatalogue(catalogue, herd, [])).toThrow(RangeError);
  });

  it('refuses an assignment to a channel that is not there, and a release listed twice', () => {
    const assignments = [{ track: syscall, channel: 'edge', subject: { label: { key: 'a', value: 'b' } } }];
    expect(() => signCatalogue(sampleCatalogue({ assignments }), herd, [])).toThrow(/edge/);
    const { releases } = sampleCatalogue();
    expect(() => signCatalogue(sampleCatalogue({ releases: [...releases, ...releases] }), herd, [])).toThrow(/twice/);
  });

  it('refuses pins with a reason that could write to a terminal', () => {
    const pins = [samplePin({ reason: 'calm \u001b[2J' })];
    expect(() => signPins(samplePins({ pins }), herd, [])).toThrow(/control/);
  });
});
