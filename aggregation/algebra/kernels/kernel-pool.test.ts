import { ftruncateSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { fileBlocks } from '../../blocks/file-blocks.ts';
import { RowFileWriter } from '../../blocks/row-file.ts';
import { chunkColumns } from '../../ordered-sums.ts';
import { granted } from '../samples.ts';
import { startKernelPool } from './kernel-pool.ts';

it('fails where rows cannot be read, once, however long an earlier block is waited for, and works on', async () => {
  const [n, d] = [4, 16 * chunkColumns];
  const dir = mkdtempSync(path.join(tmpdir(), 'testudo-rows-'));
  const writer = new RowFileWriter(path.join(dir, 'rows'), n, d);
  const pool = startKernelPool(2);
  const unheard: unknown[] = [];
  const note = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(async () => {
    process.off('unhandledRejection', note);
    await pool.close();
    writer.close();
    rmSync(dir, { recursive: true });
  });
  for (let row = 0; row < n; row++) {
    const into = writer.begin();
    into.write(new Uint8Array(4 * d), 0);
    into.end(true);
  }
  writer.finish();
  const { file } = writer;
  const source = granted(fileBlocks([{ file, slots: [...Array(n).keys()] }]));
  const median = { kind: 'reduce', reduction: { kind: 'median' } } as const;
  let consumed = 0;
  const consume = async () => {
    consumed += 1;
    for (let turn = 0; unheard.length === 0 && turn < 2_000; turn++) await nextTurn();
  };
  ftruncateSync(file.fd, 4 * n * chunkColumns); // The first block alone is there.
  await expect(pool.walk(source, median, chunkColumns, consume)).rejects.toThrow('before its updates do');
  expect([consumed, unheard]).toEqual([1, []]);
  ftruncateSync(file.fd, 4 * n * d);
  await pool.walk(source, median, chunkColumns, () => {
    consumed += 1;
  });
  expect(consumed).toBe(17);
});
