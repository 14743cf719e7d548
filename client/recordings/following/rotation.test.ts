import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { openFiles } from '../../../base/testing/open-files.ts';
import { type FilePosition, type FollowedLine, followFile } from '../file-follower.ts';
import { rest, take } from './testing/take-lines.ts';

let folder: string;
let controller: AbortController;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-rotation-'));
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  for (const stream of streams.splice(0)) await stream.return(undefined);
  await rm(folder, { recursive: true, force: true });
});

/** As parallel packers write: a skippable frame that says how long the next one is, then that one. */
function inFrames(bytes: Buffer): Buffer {
  const half = bytes.length >> 1;
  const frames = [bytes.subarray(0, half), bytes.subarray(half)].map((part) => zstdCompressSync(part));
  const before = (frame: Buffer) => {
    const words = Buffer.alloc(12);
    for (const [at, word] of [0x184d2a50, 4, frame.length].entries()) words.writeUInt32LE(word, 4 * at);
    return words;
  };
  return Buffer.concat(frames.flatMap((frame) => [before(frame), frame]));
}

const packers = {
  none: undefined,
  gzip: ['.gz', gzipSync],
  zstd: ['.zst', zstdCompressSync],
  'zstd in frames': ['.zst', inFrames],
} as const;
type Packing = keyof typeof packers;
const schemes = ['shifted', 'ascending', 'dated', 'lumberjack', 'kubelet', 'copied', 'copiedDated'] as const;
type Scheme = (typeof schemes)[number];

/** A writer with its rotation, as the tools do it. Lines are numbered from 1. */
class Writer {
  readonly path: string;
  written = 0;
  rotated = 0;
  readonly #scheme: Scheme;
  readonly #packing: Packing;

  constructor(scheme: Scheme, packing: Packing) {
    this.path = join(folder, scheme === 'kubelet' ? '0.log' : 'events.log');
    this.#scheme = scheme;
    this.#packing = packing;
    writeFileSync(this.path, '');
  }

  append(count: number): this {
    let text = '';
    for (let index = 0; index < count; index++) {
      this.written += 1;
      text += `${String(this.written).padStart(6, '0')} ${'é'.repeat(this.written % 7)}${'x'.repeat(60)}\n`;
    }
    appendFileSync(this.path, text);
    return this;
  }

  rotate(): this {
    this.rotated += 1;
    const day = String(20_261_101 + this.rotated);
    const second = String(this.rotated).padStart(4, '0');
    switch (this.#scheme) {
      case 'shifted':
        this.#shift();
        return this.#move(`${this.path}.1`);
      case 'ascending': {
        // By times that differ, as those of rotations do: two within one tick of the kernel's clock tell nothing.
        const seconds = Date.now() / 1_000 + 0.01 * this.rotated;
        utimesSync(this.path, seconds, seconds);
        return this.#move(`${this.path}.${this.rotated}`);
      }
      case 'copied':
        this.#shift();
        return this.#copy(`${this.path}.1`);
      case 'dated':
        return this.#move(`${this.path}-${day}`);
      case 'copiedDated':
        return this.#copy(`${this.path}-${day}`);
      case 'lumberjack':
        return this.#move(join(folder, `events-2026-04-01T08-${second.slice(0, 2)}-${second.slice(2)}.000.log`));
      case 'kubelet':
        return this.#move(`${this.path}.20261128-09${second}`);
    }
  }

  #shift(): void {
    for (let number = this.rotated; number > 0; number--) {
      for (const ending of ['', '.gz', '.zst']) {
        const from = `${this.path}.${number}${ending}`;
        if (existsSync(from)) renameSync(from, `${this.path}.${number + 1}${ending}`);
      }
    }
  }

  #move(to: string): this {
    renameSync(this.path, to);
    writeFileSync(this.path, '');
    return this.#pack(to);
  }

  #copy(to: string): this {
    copyFileSync(this.path, to);
    truncateSync(this.path, 0);
    return this.#pack(to);
  }

  #pack(path: string): this {
    const packer = packers[this.#packing];
    if (packer === undefined) return this;
    const [ending, pack] = packer;
    const { atime, mtime } = statSync(path);
    writeFileSync(path + ending, pack(readFileSync(path)));
    utimesSync(path + ending, atime, mtime); // Packers keep the time of writing.
    rmSync(path);
    return this;
  }
}

const numberOf = (text: string) => Number(text.slice(0, 6));
const said = (line: FollowedLine) =>
  line.kind === 'line' ? numberOf(line.text) : line.kind === 'skipped' ? line.reason : 'idle';
const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, index) => from + index);

const streams: AsyncGenerator<FollowedLine>[] = [];

function follow(path: string, from?: FilePosition) {
  const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 2, from });
  streams.push(stream);
  return stream;
}

const combinations = schemes.flatMap((scheme) =>
  (Object.keys(packers) as Packing[]).map((packing) => [scheme, packing] as const),
);

describe('rotation', () => {
  it.each(combinations)(
    '%s, packed by %s: many while the reader is busy are read in order, once each',
    async (scheme, packing) => {
      const writer = new Writer(scheme, packing).append(3);
      const stream = follow(writer.path);
      const first = await take(stream, 1);
      for (let round = 0; round < 12; round++) writer.append(5).rotate();
      writer.append(2);
      const read = [...first, ...(await rest(stream))];
      expect(read.map(said)).toEqual(upTo(writer.written));
      expect(writer.written).toBe(65);
    },
  );

  it.each(combinations)(
    '%s, packed by %s: goes on after a restart where it was, whatever became of the file',
    async (scheme, packing) => {
      const writer = new Writer(scheme, packing).append(1).rotate().append(9);
      const stream = follow(writer.path);
      const before = await take(stream, 4);
      const last = before.at(-1) as Extract<FollowedLine, { kind: 'line' }>;
      await stream.return(undefined);
      writer.append(2).rotate().append(3).rotate().append(1);
      const from = JSON.parse(JSON.stringify(last.after)) as FilePosition;
      const after = await rest(follow(writer.path, from));
      expect([...before, ...after].map(said)).toEqual(upTo(16, 2));
    },
  );

  it('goes on after a restart in what was packed with its time to the second alone', async () => {
    const writer = new Writer('dated', 'none').append(3);
    utimesSync(writer.path, 1_772_442_000.7, 1_772_442_000.7);
    const [, last] = await take(follow(writer.path), 2);
    writer.rotate().append(1);
    const plain = join(folder, readdirSync(folder).find((name) => name.includes('-')) ?? '');
    writeFileSync(`${plain}.gz`, gzipSync(readFileSync(plain)));
    utimesSync(`${plain}.gz`, 1_772_442_000, 1_772_442_000);
    rmSync(plain);
    expect((await rest(follow(writer.path, last?.kind === 'line' ? last.after : undefined))).map(said)).toEqual([3, 4]);
  });

  it('holds under any order of writing, rotating, reading and restarting', async () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ act: fc.constant('append' as const), count: fc.integer({ min: 1, max: 40 }) }),
      },
      { weight: 3, arbitrary: fc.record({ act: fc.constant('rotate' as const), count: fc.constant(0) }) },
      {
        weight: 3,
        arbitrary: fc.record({ act: fc.constant('read' as const), count: fc.integer({ min: 1, max: 30 }) }),
      },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('restart' as const), count: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('rest' as const), count: fc.constant(0) }) },
    );
    const runs = fc.asyncProperty(
      fc.constantFrom(...combinations),
      fc.array(step, { maxLength: 24 }),
      async ([scheme, packing], steps) => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        const writer = new Writer(scheme, packing).append(1);
        let stream = follow(writer.path);
        const read = await take(stream, 1);
        const unread = () => writer.written - read.length;
        for (const { act, count } of steps) {
          if (act === 'append') writer.append(count);
          // What is emptied must have a line: an empty copy is nothing that could be found again.
          else if (act === 'rotate') writer.append(1).rotate();
          else if (act === 'read') read.push(...(await take(stream, Math.min(count, unread()))));
          else if (act === 'rest') read.push(...(await rest(stream)));
          else {
            await stream.return(undefined);
            const last = read.at(-1) as Extract<FollowedLine, { kind: 'line' }>;
            stream = follow(writer.path, last.after);
          }
        }
        read.push(...(await rest(stream)));
        await stream.return(undefined);
        expect(read.map(said)).toEqual(upTo(writer.written));
      },
    );
    await fc.assert(runs, { numRuns: 60 });
  });
});

describe('what rotation deletes', () => {
  it('is read all the same, where it was seen while the reader was busy', async () => {
    const writer = new Writer('shifted', 'none').append(3);
    const stream = follow(writer.path);
    await take(stream, 1);
    for (let round = 0; round < 5; round++) {
      writer.append(4).rotate();
      const watched = writer.rotated;
      // The beat looks every 2 ms; what it opened shows in what the process holds.
      await expect.poll(() => openBelow(folder)).toBeGreaterThan(watched);
    }
    for (let number = 1; number <= 5; number++) rmSync(`${writer.path}.${number}`);
    writer.append(1);
    expect((await rest(stream)).map(said)).toEqual(upTo(24, 2));
  });

  it('is said to be gone where it could not be seen', async () => {
    const writer = new Writer('dated', 'none').append(3);
    const stream = follow(writer.path);
    const first = await take(stream, 1);
    for (let round = 0; round < 4; round++) writer.append(4).rotate();
    for (const day of ['20261102', '20261103', '20261104']) rmSync(`${writer.path}-${day}`);
    writer.append(1);
    const read = [...first, ...(await rest(stream))];
    expect(read.map(said)).toEqual([...upTo(7), 'ROTATED_AWAY', ...upTo(20, 16)]);
    expect(read).toContainEqual(expect.objectContaining({ loss: { files: undefined, bytes: undefined } }));
  });

  it('is counted in files and bytes after a restart, and what came later is read', async () => {
    const writer = new Writer('dated', 'none').append(9);
    const stream = follow(writer.path);
    const last = (await take(stream, 2)).at(-1) as Extract<FollowedLine, { kind: 'line' }>;
    await stream.return(undefined);
    const unread = readFileSync(writer.path).length - last.after.offset;
    const later = new Date(Date.now() + 60_000);
    writer.rotate().append(2).rotate().append(1);
    utimesSync(`${writer.path}-20261103`, later, later);
    rmSync(`${writer.path}-20261102`);
    const read = await rest(follow(writer.path, last.after));
    expect(read.map(said)).toEqual(['ROTATED_AWAY', 10, 11, 12]);
    expect(read[0]).toMatchObject({ loss: { files: 1, bytes: unread } });
  });

  it('is counted in bytes where a file was emptied with no copy', async () => {
    const writer = new Writer('copied', 'none').append(40);
    const stream = follow(writer.path);
    await take(stream, 40);
    await stream.next();
    const size = readFileSync(writer.path).length;
    truncateSync(writer.path, 0);
    writer.append(60);
    expect(readFileSync(writer.path).length).toBeGreaterThan(size);
    expect((await rest(stream)).map(said)).toEqual(['FILE_TRUNCATED', ...upTo(100, 41)]);
  });
});

describe('files beside the followed one', () => {
  it('are left alone where they are no rotation of it, and those from before it', async () => {
    for (const name of ['events-errors.log', 'events_json.log', 'events.log.txt', 'eventsb.log.1', 'events.log.1'])
      writeFileSync(join(folder, name), '999999 of another\n');
    const writer = new Writer('dated', 'none').append(2);
    const stream = follow(writer.path);
    await take(stream, 1);
    writer.rotate().append(1).rotate().append(1);
    expect((await rest(stream)).map(said)).toEqual([2, 3, 4]);
  });

  it.each(['events.log.1', 'events.log.2.gz', 'events.log-20261128', 'events-2026-11-28.log'])(
    'are left alone where somebody else puts %s there, and nothing is read twice',
    async (name) => {
      const writer = new Writer('dated', 'none').append(3);
      const stream = follow(writer.path);
      const read = await take(stream, 3);
      const text = '999999 of another\n'.repeat(9);
      writeFileSync(join(folder, name), name.endsWith('.gz') ? gzipSync(text) : text);
      read.push(...(await rest(stream)));
      writer.append(2);
      read.push(...(await rest(stream)));
      writer.rotate().append(1);
      read.push(...(await rest(stream)));
      expect(read.map(said)).toEqual(upTo(6));
    },
  );

  it('may be more than are kept open', async () => {
    const writer = new Writer('lumberjack', 'none').append(1);
    const stream = follow(writer.path);
    await take(stream, 1);
    for (let round = 0; round < 90; round++) writer.append(1).rotate();
    writer.append(1);
    expect((await rest(stream)).map(said)).toEqual(upTo(92, 2));
  });
});

describe('bytes', () => {
  it('that are no UTF-8 are replaced, and the line says so', async () => {
    const path = join(folder, 'events.log');
    writeFileSync(
      path,
      Buffer.concat([Buffer.from('a \u00e9\n\ufeffb '), Buffer.from([0xff, 0xc3, 0x0a]), Buffer.from('c\n')]),
    );
    const read = (await rest(follow(path))).map((line) =>
      line.kind === 'line' ? [line.text, line.repaired ?? false] : [],
    );
    expect(read).toEqual([
      ['a \u00e9', false],
      ['b \ufffd\ufffd', true],
      ['c', false],
    ]);
  });

  it('of a hole that a writer leaves which does not append are passed over', async () => {
    const path = join(folder, 'events.log');
    writeFileSync(path, Buffer.concat([Buffer.alloc(3_000_000), Buffer.from('000001 after the hole\n000002\n')]));
    expect((await rest(follow(path))).map(said)).toEqual([1, 2]);
  });
});

/** Files of a folder that this process holds open. */
function openBelow(folder: string): number {
  return new Set(openFiles().filter((path) => path.startsWith(folder))).size;
}
