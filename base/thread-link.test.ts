import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { LastingThread, startThread, ThreadLost } from './thread-link.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'thread-link-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A thread that answers a number with its double: at once, or later above 100. It refuses 0 and dies of 13. */
function doubling(options = '{}'): URL {
  const file = path.join(folder, `doubling${options.length}.mjs`);
  writeFileSync(
    file,
    `import { serveThread } from ${JSON.stringify(new URL('./thread-link.ts', import.meta.url).href)};
    serveThread((request) => {
      if (request === 13) process.exit(1);
      if (request === 0) throw new RangeError('zero');
      if (request === 100) return Promise.reject(new RangeError('a hundred'));
      return request > 100 ? new Promise((resolve) => setImmediate(resolve, 2 * request)) : 2 * request;
    }, ${options});`,
  );
  return pathToFileURL(file);
}

const ending = '{ endOnThrow: true }';

describe('startThread', () => {
  test('gives every question its own answer, in whatever order they come', async () => {
    const link = startThread<number>(doubling());
    const order: number[] = [];
    const asked = [200, 1, 2].map((value) => link.ask<number>(value).then((answer) => order.push(answer)));
    await Promise.all(asked);
    expect(order).toEqual([2, 4, 400]);
    await expect(link.ask(0)).rejects.toThrow(new RangeError('zero'));
    await expect(link.ask(100)).rejects.toThrow(new RangeError('a hundred'));
    expect(await link.ask(5)).toBe(10);
    expect(link.ended()).toBe(false);
    await link.close();
    await link.close();
  });

  test('refuses what is open when the thread ends, and what comes after', async () => {
    const link = startThread<number>(doubling());
    const open = await Promise.allSettled([link.ask(13), link.ask(1)]);
    for (const one of open) expect(one).toMatchObject({ status: 'rejected', reason: { name: 'ThreadLost' } });
    expect(link.ended()).toBe(true);
    await expect(link.ask(1)).rejects.toThrow('it has ended');
  });

  test('refuses what is open when it is closed', async () => {
    const link = startThread<number>(doubling());
    const open = expect(link.ask(1_000)).rejects.toBeInstanceOf(ThreadLost);
    await link.close();
    await open;
  });

  test('rejects a question that cannot be copied, and answers the next', async () => {
    const link = startThread<unknown>(doubling());
    await expect(link.ask(() => 1)).rejects.toThrow(/could not be cloned/);
    expect(await link.ask(4)).toBe(8);
    await link.close();
  });
});

describe('serveThread', () => {
  test.each([0, 100])('ends the thread on a throw where it is told to, and says why (%i)', async (poison) => {
    const link = startThread<number>(doubling(ending));
    const [refused, other] = await Promise.allSettled([link.ask(poison), link.ask(2_000)]);
    const reason = { name: 'ThreadLost', message: poison === 0 ? 'zero' : 'a hundred' };
    expect(refused).toMatchObject({ status: 'rejected', reason });
    if (poison === 0) expect(other).toMatchObject({ status: 'rejected', reason });
    expect(link.ended()).toBe(true);
  });
});

describe('LastingThread', () => {
  test('keeps its thread until that is lost, then starts another', async () => {
    const thread = new LastingThread<number>(doubling());
    const first = thread.live();
    expect(await first.ask(3)).toBe(6);
    expect(thread.live()).toBe(first);
    await expect(first.ask(13)).rejects.toBeInstanceOf(ThreadLost);
    expect(await thread.live().ask(3)).toBe(6);
    expect(thread.live()).not.toBe(first);
    await thread.close();
    expect(thread.live().ended()).toBe(false); // Closing ends what runs; whoever asks again starts again.
    await thread.close();
  });
});
