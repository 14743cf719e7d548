import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { startWorker } from './worker-link.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'worker-link-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A thread that answers a number with its double, refuses 0, and dies of 13. */
function doubling() {
  const file = path.join(folder, 'doubling.mjs');
  writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id, request }) => {
      if (request === 13) process.exit(1);
      parentPort.postMessage(request === 0 ? { id, error: new RangeError('zero') } : { id, value: 2 * request });
    });`,
  );
  return startWorker<number>(pathToFileURL(file));
}

test('startWorker › gives every question its own answer', async () => {
  const link = doubling();
  expect(await Promise.all([1, 2, 3].map((value) => link.ask(value)))).toEqual([2, 4, 6]);
  await expect(link.ask(0)).rejects.toThrow(new RangeError('zero'));
  expect(await link.ask(5)).toBe(10);
  expect(link.ended()).toBe(false);
  await link.close();
  await link.close();
});

test('startWorker › refuses what is open when the thread ends, and what comes after', async () => {
  const link = doubling();
  await expect(Promise.all([link.ask(13), link.ask(1)])).rejects.toThrow('has ended');
  expect(link.ended()).toBe(true);
  await expect(link.ask(1)).rejects.toThrow('has ended');
});
