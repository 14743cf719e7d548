import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newRoundKeyPair } from './crypto/keys.ts';
import { format } from './format.ts';
import type { UpdateContext } from './header.ts';
import { createOpener, openStream } from './open.ts';
import { codeOf, drain, inPieces, otherContexts, partsOf, type Sample, sampleContext, sealSample } from './samples.ts';

const chunk = format.chunkBytes;
const tiny = sealSample(8);
const long = sealSample(3 * chunk + 200, tiny.round);
const twin = sealSample(3 * chunk + 200, tiny.round); // The same plaintext under another content key.

/** Ways to spoil the order and number of chunks, and the same of another payload. Never the identity. */
const reorderings = fc
  .array(fc.oneof(fc.nat(3), fc.nat(3), fc.integer({ min: 4, max: 7 })), { maxLength: 6 })
  .filter((order) => order.join() !== '0,1,2,3');

const { prologue, chunks } = partsOf(long);
const pool = [...chunks, ...partsOf(twin).chunks];

async function* reordered(order: readonly number[]): AsyncGenerator<Buffer> {
  yield prologue;
  for (const n of order) yield pool[n] as Buffer;
}

function bitFlipped(bytes: Buffer, at: number, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] as number) ^ (1 << bit);
  return changed;
}

/** Opens spoilt bytes: there must be a fault of the given codes, and nothing but true plaintext may have come out. */
async function expectRefused(
  sample: Sample,
  sealed: Buffer | AsyncIterable<Buffer>,
  codes: readonly string[],
  context = sample.context,
) {
  const pieces = Buffer.isBuffer(sealed) ? inPieces(sealed) : sealed;
  const { bytes, code } = await drain(openStream(pieces, context, sample.round));
  expect(codes).toContain(code);
  expect(bytes.equals(sample.plain.subarray(0, bytes.byteLength))).toBe(true);
  expect(bytes.byteLength).toBeLessThan(sample.plain.byteLength);
}

const tampered = ['PAYLOAD_TAMPERED', 'PAYLOAD_TRUNCATED', 'PAYLOAD_LENGTH_MISMATCH'];
const anyFlip = ['PAYLOAD_TAMPERED', 'PAYLOAD_MALFORMED', 'PAYLOAD_WRONG_KEY', 'KEY_INVALID'];

describe('openStream', () => {
  it('opens what was sealed', async () => {
    for (const sample of [tiny, long, twin]) {
      const { bytes, code } = await drain(openStream(inPieces(sample.sealed), sample.context, sample.round));
      expect(code).toBeUndefined();
      expect(bytes.equals(sample.plain)).toBe(true);
    }
  });

  it('refuses a payload cut anywhere', async () => {
    for (let length = 0; length < tiny.sealed.byteLength; length++) {
      await expectRefused(tiny, tiny.sealed.subarray(0, length), ['PAYLOAD_TRUNCATED']);
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(long.sealed.byteLength - 1), (length) =>
        expectRefused(long, long.sealed.subarray(0, length), ['PAYLOAD_TRUNCATED']),
      ),
      { numRuns: 300 },
    );
  });

  it('refuses chunks that were reordered, doubled, dropped, or taken from another payload', async () => {
    await fc.assert(
      fc.asyncProperty(reorderings, (order) => expectRefused(long, reordered(order), tampered)),
      { numRuns: 2_000 },
    );
  });

  it('refuses a bit flipped anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(tiny.sealed.byteLength - 1), fc.integer({ min: 0, max: 7 }), (at, bit) =>
        expectRefused(tiny, bitFlipped(tiny.sealed, at, bit), anyFlip),
      ),
      { numRuns: 4_000 },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(long.sealed.byteLength - 1), fc.integer({ min: 0, max: 7 }), (at, bit) =>
        expectRefused(long, bitFlipped(long.sealed, at, bit), anyFlip),
      ),
      { numRuns: 300 },
    );
  });

  it('refuses bytes that go on, without yielding the last chunk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), (more) =>
        expectRefused(tiny, Buffer.concat([tiny.sealed, more]), ['PAYLOAD_LENGTH_MISMATCH']),
      ),
      { numRuns: 500 },
    );
  });

  it('does not read an endless payload to its end', async () => {
    let pieces = 0;
    const endless = async function* () {
      yield tiny.sealed;
      for (; ; pieces++) yield Buffer.alloc(chunk);
    };
    expect((await drain(openStream(endless(), tiny.context, tiny.round))).code).toBe('PAYLOAD_LENGTH_MISMATCH');
    expect(pieces).toBeLessThanOrEqual(1);
  });

  it('refuses bytes that are no payload', async () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ minLength: 100, maxLength: 200 }).map((bytes) => {
        bytes.set([...format.magic, format.version, format.chunkSizeLog2]);
        return bytes;
      }),
    );
    await fc.assert(
      fc.asyncProperty(noise, (bytes) => expectRefused(tiny, Buffer.from(bytes), ['PAYLOAD_TRUNCATED', ...anyFlip])),
      { numRuns: 3_000 },
    );
  });

  it.each(Object.entries(otherContexts(8)))('refuses a payload replayed under another %s', async (_, context) => {
    await expectRefused(tiny, tiny.sealed, ['PAYLOAD_TAMPERED'], context);
  });

  it("refuses another round's key, and a pair whose halves do not belong together", async () => {
    const other = newRoundKeyPair();
    for (const round of [
      other,
      { ...other, publicKey: tiny.round.publicKey },
      { ...tiny.round, publicKey: other.publicKey },
    ]) {
      await expectRefused({ ...tiny, round }, tiny.sealed, ['PAYLOAD_WRONG_KEY']);
    }
  });

  it.each([0, -1, 3, 2 ** 31, 2 ** 53, 2 ** 53 - 1, Number.NaN, 0.5])(
    'refuses a declared size of %s before it reads',
    async (plainBytes) => {
      let reads = 0;
      const source = async function* () {
        reads += 1;
        yield tiny.sealed;
      };
      const context: UpdateContext = { ...tiny.context, plainBytes };
      expect((await drain(openStream(source(), context, tiny.round))).code).toBe('HEADER_INVALID');
      expect(reads).toBeLessThanOrEqual(1);
    },
  );

  it('allocates nothing by a declared size: 1 GiB of declared plaintext costs a small payload no more', async () => {
    const declared = sampleContext(format.plainBytesMax);
    const before = process.memoryUsage().arrayBuffers;
    expect((await drain(openStream(inPieces(tiny.sealed), declared, tiny.round))).code).toBe('PAYLOAD_TRUNCATED');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * chunk);
  });
});

describe('createOpener', () => {
  const opener = unwrap(createOpener(prologue, long.context, long.round));
  const last = chunks[3] as Buffer;

  it('opens chunks in any order', () => {
    for (const index of [3, 0, 2, 1, 1, 3]) {
      const plain = unwrap(opener.openChunk(index, chunks[index] as Buffer));
      expect(plain.equals(long.plain.subarray(index * chunk, (index + 1) * chunk))).toBe(true);
    }
  });

  it('opens a chunk at its own index alone, and only as a whole', () => {
    const anyChunk = fc.oneof(fc.constantFrom(...chunks, ...partsOf(twin).chunks), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(fc.nat(3), anyChunk, (index, bytes) => {
        const opened = opener.openChunk(index, bytes);
        if (bytes === chunks[index]) expect(opened.ok).toBe(true);
        else expect(tampered).toContain(codeOf(opened));
      }),
      { numRuns: 300 },
    );
  });

  it('refuses every change of a chunk: bits, cuts, additions', () => {
    const change = fc.oneof(
      fc.tuple(fc.nat(last.byteLength - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
        const changed = Buffer.from(last);
        changed[at] = (changed[at] as number) ^ mask;
        return changed;
      }),
      fc.nat(last.byteLength - 1).map((length) => last.subarray(0, length)),
      fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Buffer.concat([last, more])),
      fc.uint8Array({ minLength: last.byteLength, maxLength: last.byteLength }),
    );
    fc.assert(
      fc.property(change, (bytes) => {
        expect(tampered).toContain(codeOf(opener.openChunk(3, bytes)));
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([-1, 4, 0.5, Number.NaN])('throws where its caller asks for chunk %s of 4', (index) => {
    expect(() => opener.openChunk(index, last)).toThrow(RangeError);
  });

  it('opens nothing once wiped', () => {
    const wiped = unwrap(createOpener(prologue, long.context, long.round));
    wiped.wipe();
    expect(codeOf(wiped.openChunk(3, last))).toBe('PAYLOAD_TAMPERED');
  });
});
