import { ftruncateSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fastAlgebra } from '../algebra/fast-algebra.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { memoryBlocks, memorySink, type UpdateBlocks } from './blocks.ts';
import { columnsIn } from './columns.ts';
import { type FilledRows, fileBlocks } from './file-blocks.ts';
import { openFileSink } from './file-sink.ts';
import { RowFileWriter } from './row-file.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'file-blocks-'));
const algebra: LinearAlgebra = fastAlgebra({ workers: 2, gramRowsMin: Number.POSITIVE_INFINITY });
const writers: RowFileWriter[] = [];
afterAll(async () => {
  await algebra.close();
  for (const writer of [...writers, ...writers]) writer.close();
  rmSync(folder, { recursive: true });
});

/** Rows that tell their place, and values that tell theirs. */
function madeRows(n: number, d: number): Float32Array[] {
  return Array.from({ length: n }, (_, row) => Float32Array.from({ length: d }, (__, at) => Math.sin(row * d + at)));
}

/** `rows` in a file with room for `room`, in pieces that begin anywhere; before every second of them a bad one that is dropped. */
function filled(rows: readonly Float32Array[], name: string, room = rows.length): FilledRows {
  const d = rows[0]?.length ?? 0;
  const writer = new RowFileWriter(path.join(folder, name), room, d);
  writers.push(writer);
  expect(readdirSync(folder)).not.toContain(name); // Nothing finds it, and nothing is left of it.
  for (const [row, values] of rows.entries()) {
    if (row % 2 === 1) {
      const bad = writer.begin();
      bad.write(new Uint8Array(values.byteLength).fill(0xff), 0);
      bad.end(false);
    }
    const bytes = new Uint8Array(values.buffer);
    const cut = 4 * Math.floor(d / 3);
    const good = writer.begin();
    good.write(bytes.subarray(0, cut), 0);
    good.write(bytes.subarray(cut), cut);
    good.end(true);
  }
  writer.finish();
  return { file: writer.file, slots: [...Array(writer.count).keys()] };
}

/** The same rows in two files, the first with room to spare, and in memory. */
async function bothWays(n: number, d: number, name: string) {
  const rows = madeRows(n, d);
  const half = Math.ceil(n / 2);
  const files = [filled(rows.slice(0, half), `${name}-0`, n), filled(rows.slice(half), `${name}-1`)];
  const [stored, held] = [fileBlocks(files), memoryBlocks(rows)];
  if (!stored.ok || !held.ok) throw new Error('blocks were refused');
  return { files, stored: stored.value, held: held.value };
}

describe('fileBlocks', () => {
  let blocks: Awaited<ReturnType<typeof bothWays>>;
  beforeAll(async () => {
    blocks = await bothWays(9, 3001, 'few');
  });

  test('reads the columns that memory blocks read, into either array', async () => {
    for (const make of [(length: number) => new Float32Array(length), (length: number) => new Float64Array(length)]) {
      const [ours, theirs] = [make(9 * 700), make(9 * 700)];
      await blocks.stored.read(2301, 700, ours);
      await blocks.held.read(2301, 700, theirs);
      expect(ours).toEqual(theirs);
    }
    await expect(blocks.stored.read(2302, 700, new Float32Array(9 * 700))).rejects.toThrow(RangeError);
  });

  test('picks rows in the order given', async () => {
    const [ours, theirs] = [new Float32Array(3 * 10), new Float32Array(3 * 10)];
    await blocks.stored.pick([7, 0, 7]).read(5, 10, ours);
    await blocks.held.pick([7, 0, 7]).read(5, 10, theirs);
    expect(ours).toEqual(theirs);
  });

  test('gives the algebra’s threads the same rows', async () => {
    const median = async (source: UpdateBlocks) => {
      const sink = memorySink(source.d);
      await algebra.reduceColumns(source, { kind: 'median' }, sink);
      return sink.values;
    };
    expect(await median(blocks.stored)).toEqual(await median(blocks.held));
    const columns = [{ offset: 7, length: 2100 }];
    expect(await median(columnsIn(blocks.stored, columns))).toEqual(await median(columnsIn(blocks.held, columns)));
  });

  test('reads any columns of any rows, whether they lie together or not', async () => {
    const picks = [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8], [3, 4, 5, 6], [6, 5, 0]];
    for (const rows of picks) {
      const [ours, theirs] = [blocks.stored.pick(rows), blocks.held.pick(rows)];
      for (const [offset, columns] of [
        [0, 1024],
        [1024, 1024],
        [0, 3001],
        [2048, 953],
        [1000, 30],
        [600, 2000],
        [7, 2],
      ] as const) {
        const [found, wanted] = [new Float32Array(rows.length * columns), new Float32Array(rows.length * columns)];
        await ours.read(offset, columns, found);
        await theirs.read(offset, columns, wanted);
        expect(found).toEqual(wanted);
      }
    }
    expect(() => blocks.stored.pick([9])).toThrow(RangeError);
  });

  test('gives the algebra’s threads thousands of rows, and rows too long to be held while they are written', async () => {
    for (const [n, d] of [
      [1_100, 65],
      [2, 2 ** 20 + 5],
    ] as const) {
      const { stored, held } = await bothWays(n, d, `n${n}`);
      const ours = await algebra.distancesToMean(stored, new Float64Array(n));
      expect(ours).toEqual(await algebra.distancesToMean(held, new Float64Array(n)));
    }
  });

  test('refuses a file that is too short, and no rows', async () => {
    const { file, slots } = filled(madeRows(3, 3001), 'short');
    ftruncateSync(file.fd, 4 * 3 * 3001 - 1);
    const refused = fileBlocks([{ file, slots }]);
    const fields = { expected: 36_012, actual: 36_011 };
    expect(refused).toMatchObject({ ok: false, fault: { code: 'LENGTH_MISMATCH', fields } });
    expect(fileBlocks([{ file, slots: [0, 1] }])).toMatchObject({ ok: true });
    expect(fileBlocks([])).toMatchObject({ ok: false, fault: { code: 'EMPTY_INPUT' } });
    expect(fileBlocks([{ file, slots: [] }])).toMatchObject({ ok: false, fault: { code: 'EMPTY_INPUT' } });
  });

  test('fails loudly when a file shrinks under it, and the algebra works on', async () => {
    const shrinking = await bothWays(4, 5000, 'shrinking');
    ftruncateSync((shrinking.files[1] as FilledRows).file.fd, 4000);
    const pass = algebra.distancesToMean(shrinking.stored, new Float64Array(4));
    await expect(pass).rejects.toThrow(/ends at byte 4000/);
    await expect(shrinking.stored.read(0, 5000, new Float32Array(4 * 5000))).rejects.toThrow(/ends at byte 4000/);
    expect(await algebra.exactDistances(blocks.stored, [[0, 1]])).toEqual(
      await algebra.exactDistances(blocks.held, [[0, 1]]),
    );
  });
});

describe('openFileSink', () => {
  test('names the file only once it is whole, rounded to float32', async () => {
    const target = path.join(folder, 'aggregate');
    const sink = await openFileSink(target, 5);
    await sink.write(0, Float64Array.of(0.1, 2));
    expect(readdirSync(folder)).not.toContain('aggregate');
    await expect(sink.finish()).rejects.toThrow('2 of 5');
    await expect(sink.write(3, Float64Array.of(1))).rejects.toThrow(RangeError);
    await sink.write(2, Float64Array.of(3, 4, 5));
    await sink.finish();
    await sink.abandon();
    const values = new Float32Array(new Uint8Array(readFileSync(target)).buffer);
    expect(values).toEqual(Float32Array.of(0.1, 2, 3, 4, 5));
  });

  test('leaves nothing behind when abandoned', async () => {
    const before = readdirSync(folder);
    const sink = await openFileSink(path.join(folder, 'never'), 5);
    await sink.write(0, Float64Array.of(1));
    await sink.abandon();
    await sink.abandon();
    expect(readdirSync(folder)).toEqual(before);
  });
});
