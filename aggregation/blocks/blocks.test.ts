import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { blocksOf, normalVectors } from '../algebra/samples.ts';
import { columnsPerBlock, memoryBlocks, spans, type UpdateBlocks } from './blocks.ts';
import { appendRow, groupMeans, replacedColumns, scaledRows } from './views.ts';

const vectors = normalVectors(seededNumbers('blocks'), 5, 23);
const stored = blocksOf(vectors);
const sources: Record<string, UpdateBlocks> = {
  stored,
  picked: stored.pick([3, 1]),
  means: groupMeans(stored, [[0, 2], [1, 3, 4]]), // biome-ignore format: one line
  'picked means': groupMeans(stored, [[0, 2], [1, 3, 4]]).pick([1]), // biome-ignore format: one line
  scaled: scaledRows(stored, [1, 0.5, 0, 2, 3]),
  appended: appendRow(stored, new Float64Array(23).fill(0.1)),
  'appended, picked': appendRow(stored, new Float64Array(23).fill(0.1)).pick([2, 5]),
  replaced: replacedColumns(stored, new Map([[20, 0.1], [4, -2]])), // biome-ignore format: one line
  'replaced, picked': replacedColumns(stored, new Map([[4, -2]])).pick([2, 0]), // biome-ignore format: one line
  'means of scaled': groupMeans(scaledRows(stored, [1, 0.5, 0, 2, 3]), [[0, 1, 2, 3, 4]]),
};

describe.each(Object.keys(sources))('%s', (name) => {
  const source = sources[name] as UpdateBlocks;
  const { n, d } = source;

  test('reads the same values in blocks of any size, in any order, again and again', async () => {
    const whole = new Float64Array(n * d);
    await source.read(0, d, whole);
    for (const columns of [1, 4, 10, d]) {
      for (const [offset, count] of [...spans(d, columns)].reverse()) {
        const block = new Float64Array(n * count);
        await source.read(offset, count, block);
        for (let row = 0; row < n; row++) {
          const start = row * d + offset;
          expect(block.slice(row * count, (row + 1) * count)).toEqual(whole.slice(start, start + count));
        }
      }
    }
  });

  test('rounds to float32 only where it is asked to', async () => {
    const [wide, narrow] = [new Float64Array(n * d), new Float32Array(n * d)];
    await source.read(0, d, wide);
    await source.read(0, d, narrow);
    expect(narrow).toEqual(Float32Array.from(wide));
  });

  test.each([
    ['before the start', -1, 2],
    ['past the end', 22, 2],
    ['of no columns', 3, 0],
    ['of half a column', 3, 0.5],
  ])('throws for a read %s', async (_, offset, columns) => {
    await expect(source.read(offset, columns, new Float64Array(1000))).rejects.toThrow(RangeError);
  });

  test('throws for a buffer too small', async () => {
    await expect(source.read(0, d, new Float64Array(n * d - 1))).rejects.toThrow(RangeError);
  });
});

test('replacedColumns › has one value for all rows where it was told so, and what was there elsewhere', async () => {
  const whole = new Float64Array(2 * 23);
  await replacedColumns(stored, new Map([[20, 0.25], [4, -2]])).pick([3, 1]).read(0, 23, whole); // biome-ignore format: one line
  const expected = [3, 1].flatMap((row) =>
    [...(vectors[row] as Float32Array)].map((value, j) => (j === 20 ? 0.25 : j === 4 ? -2 : value)),
  );
  expect([...whole]).toEqual(expected);
});

test('memoryBlocks › refuses nothing, empty updates and updates of several lengths', () => {
  expect(memoryBlocks([])).toMatchObject({ ok: false, fault: { code: 'EMPTY_INPUT' } });
  expect(memoryBlocks([new Float32Array(0)])).toMatchObject({ ok: false, fault: { code: 'EMPTY_INPUT' } });
  expect(memoryBlocks([new Float32Array(3), new Float32Array(4)])).toMatchObject({
    ok: false,
    fault: { code: 'LENGTH_MISMATCH', fields: { row: 1, expected: 3, actual: 4 } },
  });
});

test('memoryBlocks › can be shared with workers when every row can, also once picked', () => {
  expect(stored.shared).toBeUndefined();
  const rows = vectors.map((vector) => {
    const row = new Float32Array(new SharedArrayBuffer(vector.byteLength));
    row.set(vector);
    return row;
  });
  expect(blocksOf(rows).shared).toEqual({ kind: 'memory', rows });
  expect(blocksOf(rows).pick([4, 0]).shared).toEqual({ kind: 'memory', rows: [rows[4], rows[0]] });
});

test('columnsPerBlock › keeps a block near 16 MiB, one column at least', () => {
  const shape = (n: number, d: number, precision: 'float32' | 'float64') =>
    ({ ...stored, n, d, precision }) as UpdateBlocks;
  expect(columnsPerBlock(shape(10, 300, 'float32'))).toBe(300);
  expect(columnsPerBlock(shape(1024, 1_000_000, 'float32'))).toBe(4096);
  expect(columnsPerBlock(shape(1024, 1_000_000, 'float64'))).toBe(2048);
  expect(columnsPerBlock(shape(10_000_000, 10, 'float32'))).toBe(1);
});

test('scaledRows › a zero has no sign, whether its row is scaled, left as long as it is, or picked', async () => {
  const rows = scaledRows(blocksOf([Float32Array.of(-0, 1), Float32Array.of(-0, 2)]), [1, 0.5]);
  for (const source of [rows, rows.pick([0, 1]), rows.pick([0])]) {
    const into = new Float64Array(source.n * 2);
    await source.read(0, 2, into);
    for (let row = 0; row < source.n; row++) expect(Object.is(into[row * 2], 0)).toBe(true);
  }
});
