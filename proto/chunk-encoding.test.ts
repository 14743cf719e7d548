import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodingFor, packChunk, takenEncodings, unpackChunk } from './chunk-encoding.ts';
import { ChunkEncoding } from './generated/testudo/v1/releases.ts';
import { chunkBytes } from './wire-names.ts';

const { CHUNK_ENCODING_UNSPECIFIED: plain, CHUNK_ENCODING_ZSTD: zstd } = ChunkEncoding;
const wide = { params: { [constants.ZSTD_c_windowLog]: 23 } };
const long = Buffer.alloc(chunkBytes, 'light form');

describe('chunks on the wire', () => {
  it('come out as they went in, whatever they are made of', async () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.constant(long));
    await fc.assert(
      fc.asyncProperty(bytes, async (given) => {
        const chunk = Buffer.from(given);
        const packed = await packChunk(chunk, encodingFor(takenEncodings));
        expect(packed.chunk.length).toBeLessThanOrEqual(chunk.length);
        const unpacked = unpackChunk(packed);
        expect(unpacked.ok && chunk.equals(unpacked.value)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('are packed for who takes it and where that is shorter', async () => {
    expect(takenEncodings.map((one) => encodingFor([99 as ChunkEncoding, one]))).toEqual([zstd]);
    expect([encodingFor([]), encodingFor([99 as ChunkEncoding])]).toEqual([plain, plain]);
    const packed = await packChunk(long, zstd);
    expect(packed).toMatchObject({ encoding: zstd, unpackedBytes: long.length });
    expect(packed.chunk.length).toBeLessThan(1_000);
    expect(await packChunk(long, plain)).toEqual({ encoding: plain, unpackedBytes: 0, chunk: long });
    const short = Buffer.from('a');
    expect(await packChunk(short, zstd)).toEqual({ encoding: plain, unpackedBytes: 0, chunk: short });
  });

  const whole = packedInWindow(long);
  it.each([
    ['one that unpacks to more than it says', long.length - 1, whole, 'CHUNK_LENGTH_WRONG'],
    ['one that unpacks to less than it says', 100, packedInWindow(long.subarray(0, 99)), 'CHUNK_LENGTH_WRONG'],
    ['one that says it has none', 0, whole, 'CHUNK_LENGTH_WRONG'],
    ['more than a chunk may have', chunkBytes + 1, packedInWindow(Buffer.alloc(chunkBytes + 1)), 'CHUNK_LENGTH_WRONG'],
    ['a bomb', chunkBytes, packedInWindow(Buffer.alloc(64 << 20)), 'CHUNK_LENGTH_WRONG'],
    [
      'one whose reader must set 8 MiB aside',
      chunkBytes,
      zstdCompressSync(Buffer.alloc(64 << 20), wide),
      'CHUNK_UNREADABLE',
    ],
    ['a frame that ends too early', long.length, whole.subarray(0, -3), 'CHUNK_LENGTH_WRONG'],
    ['no frame at all', 10, Buffer.from('light form'), 'CHUNK_UNREADABLE'],
    ['nothing', 10, Buffer.alloc(0), 'CHUNK_UNREADABLE'],
  ])('are refused by name where they hold %s', (_, unpackedBytes, chunk, code) => {
    expect(unpackChunk({ encoding: zstd, unpackedBytes, chunk })).toMatchObject({ ok: false, fault: { code } });
  });

  it('are refused by name where they are packed in a way that nobody knows', () => {
    const packed = { encoding: 99 as ChunkEncoding, unpackedBytes: long.length, chunk: whole };
    expect(unpackChunk(packed)).toMatchObject({ ok: false, fault: { code: 'CHUNK_ENCODING_UNKNOWN' } });
  });
});

/** With a window that its reader takes, so that length alone is wrong. */
function packedInWindow(bytes: Uint8Array): Buffer {
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_windowLog]: 18 } });
}
