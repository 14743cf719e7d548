import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxedKeyBytes } from './crypto/box.ts';
import { publicKeyBytes } from './crypto/keys.ts';
import { chunkCount, chunkOffset, chunkPlainBytes, format, isPlainBytes, sealedLength } from './format.ts';

const plainBytes = fc.integer({ min: 1, max: format.plainBytesMax / 4 }).map((values) => values * 4);

describe('format', () => {
  it('adds up', () => {
    expect(format.prologueBytes).toBe(4 + 1 + 1 + publicKeyBytes + boxedKeyBytes);
    expect(format.chunkBytes).toBe(1 << format.chunkSizeLog2);
    expect(sealedLength(4)).toBe(106);
    expect(sealedLength(format.plainBytesMax)).toBe(86 + 2 ** 30 + 4_096 * 16);
  });

  it('cuts a plaintext into full chunks and a last one that is never empty', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          plainBytes,
          fc.integer({ min: 1, max: 4_096 }).map((n) => n * format.chunkBytes),
        ),
        (total) => {
          const count = chunkCount(total);
          const last = chunkPlainBytes(total, count - 1);
          expect((count - 1) * format.chunkBytes + last).toBe(total);
          expect(last).toBeGreaterThan(0);
          expect(last).toBeLessThanOrEqual(format.chunkBytes);
          if (count > 1) expect(chunkPlainBytes(total, 0)).toBe(format.chunkBytes);
          expect(chunkOffset(count - 1) + last + format.tagBytes).toBe(sealedLength(total));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it.each([
    0,
    -1,
    -4,
    1,
    2,
    3,
    5,
    4.5,
    2 ** 30 + 4,
    2 ** 31,
    2 ** 53,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '4',
    4n,
    null,
  ])('does not take %s for a size', (size) => {
    expect(isPlainBytes(size)).toBe(false);
  });

  it('takes every multiple of 4 up to 1 GiB for a size', () => {
    fc.assert(fc.property(plainBytes, isPlainBytes));
  });
});
