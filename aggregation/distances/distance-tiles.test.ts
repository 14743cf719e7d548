import { expect, it } from 'vitest';
import { seededRandom } from '../../base/random.ts';
import { aggregate } from '../aggregate.ts';
import { fastAlgebra } from '../algebra/fast-algebra.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memoryBlocks, memorySink } from '../blocks/blocks.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { bytesOfTile, computeTile, gridOf, matrixOfTiles, rowsOfBlock, tileOfBytes } from './distance-tiles.ts';

/** Rows of which one is large and one is no number, as a hostile cluster may send them. */
function rowsOf(n: number, d: number) {
  const random = seededRandom(7);
  const all = Array.from({ length: n }, (_, row) =>
    Float32Array.from({ length: d }, () => (random() - 0.5) * (row === 3 ? 1e6 : 1)),
  );
  (all[5] as Float32Array)[0] = Number.NaN;
  return all;
}

function blocksOf(rows: readonly Float32Array[]) {
  const shared = rows.map((row) => {
    const copy = new Float32Array(new SharedArrayBuffer(row.byteLength));
    copy.set(row);
    return copy;
  });
  const made = memoryBlocks(shared);
  if (!made.ok) throw new Error(made.fault.message);
  return made.value;
}

async function tiled(algebra: LinearAlgebra, all: readonly Float32Array[], rows: number, missing: number) {
  const n = all.length;
  const tiles = [];
  for (const [a, b] of gridOf(n, rows)) {
    const [from, to] = rowsOfBlock(a, n, rows);
    const [start, end] = a === b ? [to, to] : rowsOfBlock(b, n, rows);
    const places = [...all.keys()].filter((row) => (row >= from && row < to) || (row >= start && row < end));
    const there = places.filter((row) => row !== missing);
    const at = there.map((row) => places.indexOf(row));
    const tile = await computeTile(
      algebra,
      blocksOf(there.map((row) => all[row] as Float32Array)),
      at,
      to - from,
      end - start,
    );
    const bytes = Buffer.concat(bytesOfTile(tile));
    tiles.push(tileOfBytes(new Uint8Array(bytes), tile.rows, tile.columns) as typeof tile);
  }
  return tiles;
}

it.each([
  ['exact', 26, 40, 8, () => twinAlgebra()],
  ['multiplied with bounds', 26, 40, 8, () => fastAlgebra({ workers: 1, gramRowsMin: 4 })],
] as const)(
  'tiles that are %s make a matrix whose bounds hold, without the row that could not be read',
  async (_, n, d, rows, make) => {
    const algebra = make();
    try {
      const all = rowsOf(n, d);
      const missing = 11;
      const chosen = [...all.keys()].filter((row) => row !== missing && row !== 5);
      const matrix = matrixOfTiles(n, rows, await tiled(algebra, all, rows, missing), chosen);
      const exact = await twinAlgebra().squaredDistances(blocksOf(chosen.map((row) => all[row] as Float32Array)));
      expect(matrix.n).toBe(n - 2);
      for (let i = 0; i < matrix.n; i++) {
        for (let j = 0; j < matrix.n; j++) {
          const at = i * matrix.n + j;
          const error = matrix.errorOf(i, j);
          expect(Math.abs((matrix.values[at] as number) - (exact.values[at] as number))).toBeLessThanOrEqual(error);
          if (i !== j)
            expect(error).toBeLessThanOrEqual((matrix.rowErrors[i] as number) + (matrix.rowErrors[j] as number));
        }
      }
    } finally {
      await algebra.close();
    }
  },
);

it('a rule decides by tiles as by the whole matrix, and asks for no other', async () => {
  const all = rowsOf(26, 40);
  const policy = {
    f: 3,
    admission: { normMax: 1e9, zeroUpdate: 'refuse' },
    before: [{ kind: 'nearestNeighbourMixing' }],
    rule: { kind: 'multiKrum', keep: { kind: 'allButF' } },
  } as const;
  const fast = fastAlgebra({ workers: 1, gramRowsMin: 4 });
  try {
    const tiles = await tiled(fast, all, 8, -1);
    const whole = memorySink(40);
    const expected = await aggregate(policy, blocksOf(all), twinAlgebra(), whole);
    const algebra = {
      ...twinAlgebra(),
      squaredDistances: () => Promise.reject(new Error('a whole matrix was asked for')),
    };
    const sink = memorySink(40);
    const distances = (rows: readonly number[]) => matrixOfTiles(26, 8, tiles, rows);
    const decided = await aggregate(policy, blocksOf(all), algebra, sink, { distances });
    if (!decided.ok || !expected.ok) throw new Error('refused');
    expect(decided.value.report).toEqual(expected.value.report);
    expect(decided.value.settledPairs).toBeGreaterThan(0); // The tiles left doubts, which were settled.
    expect(sink.values).toEqual(whole.values);
  } finally {
    await fast.close();
  }
});

it('a tile of another size than it is said to have is none', () => {
  expect(tileOfBytes(new Uint8Array(8 * (2 + 3 + 6) + 24), 2, 3)?.values).toHaveLength(6);
  expect(tileOfBytes(new Uint8Array(100), 2, 3)).toBeUndefined();
});
