import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { digestOf } from '../../digest.ts';
import { newRoundKeyPair } from '../crypto/keys.ts';
import { chunkOffset, format } from '../format.ts';
import { codeOf, otherContexts, sealSample } from '../samples.ts';
import { openSealedReader, type SealedReader, sealedPayloadKey } from './sealed-reader.ts';

const chunk = format.chunkBytes;
const sample = sealSample(3 * chunk + 400);
const total = sample.plain.byteLength;
let dir: string;
let sealedPath: string;

beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'testudo-reader-'));
  sealedPath = path.join(dir, 'sealed');
});
beforeEach(() => writeFileSync(sealedPath, sample.sealed));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function openReader(): SealedReader {
  return unwrap(openSealedReader({ sealedPath, context: sample.context, round: sample.round }));
}

function spoil(position: number): void {
  const changed = Buffer.from(sample.sealed);
  changed[position] = (changed[position] as number) ^ 1;
  writeFileSync(sealedPath, changed);
}

describe('openSealedReader', () => {
  it('reads any range of the plaintext', () => {
    const reader = openReader();
    const edge = fc.oneof(fc.nat(total), fc.constantFrom(0, chunk - 1, chunk, chunk + 1, 3 * chunk, total));
    fc.assert(
      fc.property(edge, edge, (a, b) => {
        const [start, end] = a < b ? [a, b] : [b, a];
        const target = Buffer.alloc(end - start + 2, 7);
        expect(reader.readInto(start, target.subarray(1, -1))).toBeUndefined();
        expect(target.subarray(1, -1).equals(sample.plain.subarray(start, end))).toBe(true);
        expect([target[0], target.at(-1)]).toEqual([7, 7]);
      }),
      { numRuns: 300 },
    );
    reader.close();
  });

  it('fills the bytes behind a Float32Array', () => {
    const reader = openReader();
    const values = new Float32Array(100);
    expect(reader.readInto(3 * chunk, new Uint8Array(values.buffer))).toBeUndefined();
    expect(values).toEqual(new Float32Array(Uint8Array.from(sample.plain.subarray(3 * chunk)).buffer));
    reader.close();
  });

  it('throws where its caller reads outside of the plaintext or after close', () => {
    const reader = openReader();
    for (const offset of [-1, total - 3, total + 1, 0.5, Number.NaN]) {
      const legal = `sealed reader: bytes ${offset} to ${offset + 4} of ${total}`;
      expect(() => reader.readInto(offset, Buffer.alloc(4))).toThrow(new RangeError(legal));
    }
    reader.close();
    reader.close();
    expect(() => reader.readInto(0, Buffer.alloc(4))).toThrow(/after close/);
    expect(() => reader.verify()).toThrow(/after close/);
  });

  it('refuses a payload of another length before it reads a chunk', () => {
    truncateSync(sealedPath, sample.sealed.byteLength - 1);
    const source = { sealedPath, context: sample.context, round: sample.round };
    expect(codeOf(openSealedReader(source))).toBe('PAYLOAD_TRUNCATED');
    writeFileSync(sealedPath, Buffer.concat([sample.sealed, Buffer.alloc(1)]));
    expect(codeOf(openSealedReader(source))).toBe('PAYLOAD_LENGTH_MISMATCH');
    expect(codeOf(openSealedReader({ ...source, sealedPath: path.join(dir, 'missing') }))).toBe('STORAGE_FAILED');
  });

  it('notices what happens to the file between reads', () => {
    const reader = openReader();
    spoil(chunkOffset(2) + 5);
    expect(reader.readInto(0, Buffer.alloc(chunk))).toBeUndefined();
    expect(reader.readInto(2 * chunk - 4, Buffer.alloc(8))?.code).toBe('PAYLOAD_TAMPERED');
    truncateSync(sealedPath, chunkOffset(1));
    expect(reader.readInto(0, Buffer.alloc(4))?.code).toBe('PAYLOAD_TRUNCATED');
    rmSync(sealedPath);
    expect(reader.readInto(0, Buffer.alloc(4))?.code).toBe('STORAGE_FAILED');
    reader.close();
  });
});

describe('SealedReader.verify', () => {
  it('shows every chunk once, in order, and gives the digest', () => {
    const reader = openReader();
    const seen: Buffer[] = [];
    const offsets: number[] = [];
    const payload = digestOf(sample.sealed);
    const visit = (plain: Uint8Array, offset: number) => {
      seen.push(Buffer.from(plain.slice().buffer)); // A Buffer's slice would be a view, wiped by now.
      offsets.push(offset);
    };
    expect(reader.verify({ payload, visit })).toEqual({ ok: true, value: payload });
    expect(Buffer.concat(seen).equals(sample.plain)).toBe(true);
    expect(offsets).toEqual([0, chunk, 2 * chunk, 3 * chunk]);
    reader.close();
  });

  it('finds a change anywhere, the prologue too', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(format.prologueBytes - 1), fc.nat(sample.sealed.byteLength - 1)), (position) => {
        writeFileSync(sealedPath, sample.sealed);
        const reader = openReader();
        spoil(position);
        const code = codeOf(reader.verify({ payload: digestOf(sample.sealed) }));
        // The prologue was read when the reader was opened; its change shows in the digest.
        expect(code).toBe(position < format.prologueBytes ? 'PAYLOAD_DIGEST_MISMATCH' : 'PAYLOAD_TAMPERED');
        reader.close();
      }),
      { numRuns: 100 },
    );
  });

  it('passes on what its visitor throws, and can be used again', () => {
    const reader = openReader();
    const stop = () => {
      throw new Error('seen enough');
    };
    expect(() => reader.verify({ visit: stop })).toThrow('seen enough');
    expect(codeOf(reader.verify())).toBe('ok');
    reader.close();
  });
});

describe("a payload's own key", () => {
  const { context, round } = sample;

  it('opens that payload when the key of its round is gone, and no other of the same round', () => {
    const key = unwrap(sealedPayloadKey(sealedPath, context, round));
    const reader = unwrap(openSealedReader({ sealedPath, context, payloadKey: key }));
    const plain = Buffer.alloc(total);
    expect(unwrap(reader.verify({ visit: (piece, offset) => plain.set(piece, offset) }))).toBe(digestOf(sample.sealed));
    expect(plain.equals(sample.plain)).toBe(true);
    reader.close();
    expect(key.some((byte) => byte !== 0)).toBe(true); // The reader wiped its own copy.

    writeFileSync(sealedPath, sealSample(total, round).sealed); // The same plaintext, context and round.
    const other = unwrap(openSealedReader({ sealedPath, context, payloadKey: key }));
    expect(codeOf(other.verify())).toBe('PAYLOAD_TAMPERED');
    other.close();
  });

  it('is another one under any other context, and none for who has not the round key', () => {
    const key = unwrap(sealedPayloadKey(sealedPath, context, round));
    for (const [field, other] of Object.entries(otherContexts(total))) {
      expect(unwrap(sealedPayloadKey(sealedPath, other, round)).equals(key), field).toBe(false);
    }
    expect(codeOf(sealedPayloadKey(sealedPath, context, newRoundKeyPair()))).toBe('PAYLOAD_WRONG_KEY');
  });
});
