import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkReader } from './chunk-reader.ts';

describe('chunkReader', () => {
  it('gives the same bytes whatever the pieces and the reads', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        fc.array(fc.nat(50), { maxLength: 30 }),
        async (pieces, reads) => {
          const all = Buffer.concat(pieces);
          const reader = chunkReader(
            (async function* () {
              yield* pieces;
            })(),
          );
          let position = 0;
          for (const length of reads) {
            const got = Buffer.from(await reader.read(length));
            expect(got).toEqual(all.subarray(position, position + length));
            position = Math.min(all.byteLength, position + length);
            expect(await reader.ended()).toBe(position === all.byteLength);
          }
          await reader.close();
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('tells a source that no more is wanted', async () => {
    let closed = false;
    async function* source() {
      try {
        for (;;) yield new Uint8Array(3);
      } finally {
        closed = true;
      }
    }
    const reader = chunkReader(source());
    await reader.read(4);
    await reader.close();
    expect(closed).toBe(true);
    expect(await reader.ended()).toBe(true);
  });

  it('passes on what its source throws', async () => {
    // biome-ignore lint/correctness/useYield: the throw is the case.
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      throw new Error('line cut');
    })();
    await expect(chunkReader(source).read(1)).rejects.toThrow('line cut');
  });
});
