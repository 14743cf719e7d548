import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newRoundKeyPair } from './crypto/keys.ts';
import { format, sealedLength } from './format.ts';
import type { UpdateContext } from './header.ts';
import { openStream } from './open.ts';
import { codeOf, drain, inPieces, sampleContext, samplePlain } from './samples.ts';
import { createSealer, sealStream } from './seal.ts';

const round = newRoundKeyPair();
const chunk = format.chunkBytes;
const tellingSizes = [4, 8, chunk - 4, chunk, chunk + 4, 2 * chunk, 2 * chunk + 1_000];

describe('sealStream', () => {
  it.each(tellingSizes)('seals %i bytes that openStream gives back, in any pieces', async (plainBytes) => {
    const context = sampleContext(plainBytes);
    const plain = samplePlain(plainBytes);
    const pieceBytes = fc.oneof(
      fc.integer({ min: 1_000, max: 700_000 }),
      fc.constantFrom(chunk, chunk + 16, plainBytes),
    );
    await fc.assert(
      fc.asyncProperty(pieceBytes, pieceBytes, async (plainPiece, sealedPiece) => {
        const sealed = await drain(sealStream(inPieces(plain, plainPiece), context, round.publicKey));
        expect(sealed.bytes).toHaveLength(sealedLength(plainBytes));
        const opened = await drain(openStream(inPieces(sealed.bytes, sealedPiece), context, round));
        expect(opened.code).toBeUndefined();
        expect(opened.bytes.equals(plain)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('never seals the same bytes to the same payload', async () => {
    const seal = () => drain(sealStream(inPieces(samplePlain(8)), sampleContext(8), round.publicKey));
    const [a, b] = [await seal(), await seal()];
    for (const [from, to] of [
      [6, 38],
      [38, 86],
      [86, 110],
    ]) {
      expect(a.bytes.subarray(from, to)).not.toEqual(b.bytes.subarray(from, to));
    }
  });

  it.each([0, 4, chunk - 4, chunk, 2 * chunk - 4, 2 * chunk + 4, 5 * chunk])(
    'refuses %i bytes where the context declares two chunks',
    async (actual) => {
      const sealed = await drain(
        sealStream(inPieces(Buffer.alloc(actual), 100_000), sampleContext(2 * chunk), round.publicKey),
      );
      expect(sealed.code).toBe('PLAIN_LENGTH_MISMATCH');
      expect(sealed.bytes.byteLength).toBeLessThan(sealedLength(2 * chunk)); // Never a payload that would open.
    },
  );

  it('refuses a bad round key and a bad size before it reads or yields anything', async () => {
    let reads = 0;
    const source = async function* () {
      reads += 1;
      yield Buffer.alloc(4);
    };
    const keyless = await drain(sealStream(source(), sampleContext(4), new Uint8Array(32)));
    expect(keyless).toEqual({ bytes: Buffer.alloc(0), code: 'KEY_INVALID' });
    for (const plainBytes of [0, -4, 3, 2 ** 31, 2 ** 53, Number.NaN]) {
      const context: UpdateContext = { ...sampleContext(4), plainBytes };
      expect((await drain(sealStream(source(), context, round.publicKey))).code).toBe('HEADER_INVALID');
    }
    expect(reads).toBe(0);
  });

  it('asks its source for no more than the consumer asked of it', async () => {
    let given = 0;
    const source = async function* () {
      for (; ; given++) yield Buffer.alloc(chunk);
    };
    const stream = sealStream(source(), sampleContext(20 * chunk), round.publicKey);
    for (let taken = 0; taken < 5; taken++) await stream.next(); // The prologue and four chunks.
    expect(given).toBeLessThanOrEqual(4);
    await stream.return();
  });
});

describe('sealStream lets go of its source', () => {
  function watched() {
    const seen = { closed: false };
    const source = (async function* () {
      try {
        for (;;) yield Buffer.alloc(chunk);
      } finally {
        seen.closed = true;
      }
    })();
    return { seen, source };
  }

  it('where nobody takes more of what it seals', async () => {
    const { seen, source } = watched();
    const stream = sealStream(source, sampleContext(20 * chunk), round.publicKey);
    for (let taken = 0; taken < 3; taken++) await stream.next();
    expect(seen.closed).toBe(false);
    await stream.return();
    expect(seen.closed).toBe(true);
  });

  it('where it gives more than the context declares', async () => {
    const { seen, source } = watched();
    expect((await drain(sealStream(source, sampleContext(chunk), round.publicKey))).code).toBe('PLAIN_LENGTH_MISMATCH');
    expect(seen.closed).toBe(true);
  });
});

describe('createSealer', () => {
  it('seals each chunk once, in order, at its exact length: no nonce serves twice', () => {
    const sealer = unwrap(createSealer(sampleContext(chunk + 4), round.publicKey));
    expect(() => sealer.sealChunk(1, Buffer.alloc(4))).toThrow(RangeError);
    expect(() => sealer.sealChunk(0, Buffer.alloc(chunk - 1))).toThrow(RangeError);
    sealer.sealChunk(0, Buffer.alloc(chunk));
    expect(() => sealer.sealChunk(0, Buffer.alloc(chunk))).toThrow(RangeError);
    expect(() => sealer.sealChunk(1, Buffer.alloc(5))).toThrow(RangeError);
    sealer.sealChunk(1, Buffer.alloc(4));
    expect(() => sealer.sealChunk(2, Buffer.alloc(0))).toThrow(RangeError);
  });

  it('wipes the secrets it was given', () => {
    const secrets = { ephemeral: newRoundKeyPair(), contentKey: Buffer.alloc(32, 7) };
    expect(codeOf(createSealer(sampleContext(4), round.publicKey, secrets))).toBe('ok');
    expect(secrets.contentKey).toEqual(Buffer.alloc(32));
    expect(secrets.ephemeral.secretKey).toEqual(new Uint8Array(32));
  });
});
