import { describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { sampleRoot, sampleSet, signedRoot, syscall } from '../testing/sample-federation.ts';
import { decodeCatalogue } from './catalogue-document.ts';
import { decodeTimestamp } from './pointers.ts';
import { decodeRoot } from './root.ts';

describe('a document that was read before', () => {
  it('is read anew where its bytes were changed in place', () => {
    const bytes = signedRoot(sampleRoot());
    expect(decodeRoot(bytes).ok).toBe(true);
    bytes[bytes.byteLength - 2] = 0x20;
    expect(decodeRoot(bytes)).toMatchObject({ ok: false, fault: { code: 'METADATA_INVALID' } });
  });

  it('gives the message of the bytes that came now, and not of those that came first', () => {
    const { timestamp } = sampleSet();
    const [first, again] = [Buffer.from(timestamp), Buffer.from(timestamp)];
    const { message } = unwrap(decodeTimestamp(first)).signed;
    first.fill(0);
    expect(message.every((byte) => byte === 0)).toBe(true);
    const { signed } = unwrap(decodeTimestamp(again));
    expect(Buffer.from(signed.message).toString('utf8')).toMatch(/^\{"_type":"timestamp"/);
    expect(signed.message.buffer).toBe(again.buffer);
  });

  it('cannot be changed by who was given it first', () => {
    const { catalogue } = sampleSet();
    const { tracks } = unwrap(decodeCatalogue(catalogue)).catalogue;
    expect(() => Object.assign(tracks, { flow: tracks[syscall] })).toThrow(TypeError);
    expect(() => Object.assign(tracks[syscall] as object, { floor: 9 })).toThrow(TypeError);
    expect(unwrap(decodeCatalogue(Buffer.from(catalogue))).catalogue.tracks).toEqual(tracks);
  });

  it('of one role is not taken for one of another', () => {
    const { timestamp } = sampleSet();
    expect(decodeTimestamp(timestamp).ok).toBe(true);
    expect(decodeRoot(timestamp).ok).toBe(false);
  });
});
