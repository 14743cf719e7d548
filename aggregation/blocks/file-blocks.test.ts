import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fastAlgebra } from '../algebra/fast-algebra.ts';
import { filesOpenMax } from '../algebra/kernels/shared-rows.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { memoryBlocks, memorySink, type UpdateBlocks } from './blocks.ts';
import { columnsIn } from './columns.ts';
import { fileBlocks, type ValueFile } from './file-blocks.ts';
import { openFileSink } from './file-sink.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'file-blocks-'));
const algebra: LinearAlgebra = fastAlgebra({ workers: 2, gramRowsMin: Number.POSITIVE_INFINITY });
afterAll(async () => {
  await algebra.close();
  rmSync(folder, { recursive: true });
});

/** The same rows in files (after a header of 4 · row bytes) and in memory. */
async function bothWays(
  n: number,
  d: number,
  name: string,
): Promise<{ files: ValueFile[]; stored: UpdateBlocks; held: UpdateBlocks }> {
  const rows = Array.from({ length: n }, (_, row) =>
    Float32Array.from({ length: d }, (__, at) => Math.sin(row * d + at)),
  );
  const files = rows.map((values, row) => {
    const file = { path: path.join(folder, `${name}-${row}`), byteOffset: 4 * row };
    writeFileSync(file.path, Buffer.concat([Buffer.alloc(file.byteOffset, 0xff), Buffer.from(values.buffer)]));
    return file;
  });
  const [stored, held] = [await fileBlocks(files, d), memoryBlocks(rows)];
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

  test('needs no more open files than it keeps, however many updates there are', async () => {
    const many = await bothWays(filesOpenMax + 40, 65, 'many');
    const ours = await algebra.distancesToMean(many.stored, new Float64Array(many.stored.n));
    expect(ours).toEqual(await algebra.distancesToMean(many.held, new Float64Array(many.held.n)));
  });

  test('refuses a file that is too short, and no files', async () => {
    const { files } = blocks;
    const refused = await fileBlocks(files, 3002);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'LENGTH_MISMATCH', fields: { row: 0, actual: 3001 } } });
    expect(await fileBlocks([], 5)).toMatchObject({ ok: false, fault: { code: 'EMPTY_INPUT' } });
  });

  test('fails loudly when a file shrinks under it, and the algebra works on', async () => {
    const shrinking = await bothWays(4, 5000, 'shrinking');
    truncateSync((shrinking.files[2] as ValueFile).path, 4000);
    const pass = algebra.distancesToMean(shrinking.stored, new Float64Array(4));
    await expect(pass).rejects.toThrow(/shrinking-2: ends at byte 4000/);
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
