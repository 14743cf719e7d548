import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../base/system-timers.ts';
import { type FilePosition, type FollowedLine, type FollowOptions, followFile } from './file-follower.ts';

let folder: string;
let path: string;
let controller: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-follow-'));
  path = join(folder, 'events.log');
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  await rm(folder, { recursive: true, force: true });
});

/** Long enough that the head of the file tells it apart from others. */
const line = (index: number) => `${String(index).padStart(5, '0')} ${'x'.repeat(80)}`;
const numberOf = (text: string) => Number(text.slice(0, 5));

async function all(over: Partial<FollowOptions> = {}): Promise<FollowedLine[]> {
  const lines: FollowedLine[] = [];
  for await (const item of followFile(path, {
    follow: false,
    timers: systemTimers,
    signal: controller.signal,
    ...over,
  }))
    lines.push(item);
  return lines;
}

/** Follows until an idle comes after `count` lines or skips. */
async function followed(stream: AsyncGenerator<FollowedLine>, count: number): Promise<FollowedLine[]> {
  const lines: FollowedLine[] = [];
  for (;;) {
    const { value, done } = await stream.next();
    if (done) return lines;
    if (value.kind !== 'idle') lines.push(value);
    if (lines.length >= count) return lines;
  }
}

const kinds = (lines: readonly FollowedLine[]) =>
  lines.map((item) => (item.kind === 'line' ? numberOf(item.text) : item.kind === 'skipped' ? item.reason : 'idle'));

describe('followFile', () => {
  it('reads every line once, however the bytes are cut, and a last one without newline', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ maxLength: 200 }), { maxLength: 40 }),
        fc.boolean(),
        async (texts, ended) => {
          const lines = texts.map((text) => text.replace(/\n/g, ' ')).filter((text) => text.isWellFormed());
          await writeFile(path, lines.map((text) => `${text}\n`).join('') + (ended ? '' : 'last'));
          const read = (await all()).map((item) => (item.kind === 'line' ? item.text : item.kind));
          expect(read).toEqual(ended ? lines : [...lines, 'last']);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('goes on from any position that it gave, with nothing lost and nothing twice', async () => {
    await writeFile(path, Array.from({ length: 30 }, (_, at) => `${line(at)}\n`).join(''));
    const whole = await all();
    for (const [index, item] of whole.entries()) {
      if (item.kind === 'idle') continue;
      expect(kinds(await all({ from: item.after }))).toEqual(kinds(whole.slice(index + 1)));
    }
  });

  it('follows what is appended, and waits for the rest of a half-written line', async () => {
    await writeFile(path, `${line(1)}\n${line(2).slice(0, 10)}`);
    const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 5 });
    expect(kinds(await followed(stream, 1))).toEqual([1]);
    expect((await stream.next()).value).toEqual({ kind: 'idle' });
    await appendFile(path, `${line(2).slice(10)}\n`);
    expect(kinds(await followed(stream, 1))).toEqual([2]);
  });

  it('reads a rotated file to its end before the new one, and reports the half line that rotation left', async () => {
    await writeFile(path, `${line(1)}\n`);
    const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 5 });
    expect(kinds(await followed(stream, 1))).toEqual([1]);
    await appendFile(path, `${line(2)}\n${line(3).slice(0, 20)}`);
    await rename(path, join(folder, 'events-1.log'));
    await writeFile(path, `${line(4)}\n`);
    expect(kinds(await followed(stream, 3))).toEqual([2, 'HALF_LINE', 4]);
  });

  it('starts anew when the file is emptied in place, and says so', async () => {
    await writeFile(path, `${line(1)}\n${line(2)}\n`);
    const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 5 });
    await followed(stream, 2);
    await stream.next();
    await truncate(path, 0);
    await appendFile(path, `${line(3)}\n`);
    expect(kinds(await followed(stream, 2))).toEqual(['FILE_TRUNCATED', 3]);
  });

  it('catches up over rotations that happened while it was not running', async () => {
    await writeFile(path, `${line(1)}\n${line(2)}\n${line(3)}\n`);
    const first = (await all())[0] as { after: FilePosition };
    await rename(path, join(folder, 'events-1.log'));
    await writeFile(path, `${line(4)}\n`);
    await rename(path, join(folder, 'events-2.log'));
    await writeFile(path, `${line(5)}\n`);
    expect(kinds(await all({ from: first.after }))).toEqual([2, 3, 4, 5]);
  });

  it('reports what was rotated away for good, and reads what there is', async () => {
    await writeFile(path, `${line(1)}\n${line(2)}\n`);
    const first = (await all())[0] as { after: FilePosition };
    // In place of the old file, and perhaps with its inode.
    await rm(path);
    await writeFile(path, `${line(7)}\n${line(8)}\n${line(9)}\n`);
    expect(kinds(await all({ from: first.after }))).toEqual(['ROTATED_AWAY', 7, 8, 9]);
  });

  it('skips a line that is too long, replaces what is no text, and reads the next', async () => {
    const binary = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]);
    await writeFile(
      path,
      Buffer.concat([Buffer.from(`${line(1)}\n${'y'.repeat(200_000)}\n`), binary, Buffer.from(`${line(2)}\n`)]),
    );
    const read = await all({ lineBytesMax: 100_000 });
    expect(kinds(read)).toEqual([1, 'LINE_TOO_LONG', Number.NaN, 2]);
    expect(read[2]).toMatchObject({ text: '\ufffd\ufffd\0\ufffd', repaired: true });
  });

  it('waits for a file that is not there yet, and ends at once when it need not follow', async () => {
    expect(await all()).toEqual([]);
    const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 5 });
    expect((await stream.next()).value).toEqual({ kind: 'idle' });
    await writeFile(path, `${line(1)}\n`);
    expect(kinds(await followed(stream, 1))).toEqual([1]);
  });

  it('reads an empty file as no lines', async () => {
    await writeFile(path, '');
    expect(await all()).toEqual([]);
  });
});
