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

  /** Pieces of three bytes, by hand; `tells` whether it can be told to stop. */
  function byHand(pieces: number, tells: boolean) {
    const heard = { asked: 0, told: 0 };
    const next = async () => {
      heard.asked += 1;
      const isOver = heard.asked > pieces;
      return isOver
        ? { done: true as const, value: undefined }
        : { done: false as const, value: new Uint8Array(3).fill(7) };
    };
    const stop = async () => {
      heard.told += 1;
      return { done: true as const, value: undefined };
    };
    return { heard, source: { [Symbol.asyncIterator]: () => ({ next, ...(tells && { return: stop }) }) } };
  }

  it('asks a source for nothing more once it is closed, whether it can be told so or not, and tells it once', async () => {
    for (const tells of [true, false]) {
      const { heard, source } = byHand(10, tells);
      const reader = chunkReader(source);
      await reader.read(4);
      await reader.close();
      await reader.close();
      expect(await reader.ended()).toBe(true);
      expect(heard).toEqual({ asked: 2, told: tells ? 1 : 0 });
    }
  });

  it('tells a source nothing that has ended by itself', async () => {
    const { heard, source } = byHand(2, true);
    const reader = chunkReader(source);
    await reader.read(9);
    await reader.close();
    expect(heard).toEqual({ asked: 3, told: 0 });
  });

  it('leaves nothing of what it put together behind', async () => {
    const reader = chunkReader(byHand(2, true).source);
    const put = await reader.read(5);
    expect([...put]).toEqual([7, 7, 7, 7, 7]);
    await reader.close();
    expect([...put]).toEqual([0, 0, 0, 0, 0]);
  });

  it('passes on what its source throws', async () => {
    // biome-ignore lint/correctness/useYield: the throw is the case.
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      throw new Error('line cut');
    })();
    await expect(chunkReader(source).read(1)).rejects.toThrow('line cut');
  });
});
