import { execFileSync } from 'node:child_process';
import { appendFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { type FilePosition, type FollowedLine, followFile } from '../file-follower.ts';
import { rest, take } from './testing/take-lines.ts';

let folder: string;
let path: string;
let controller: AbortController;
const streams: AsyncGenerator<FollowedLine>[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-unreadable-'));
  path = join(folder, 't.log');
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  for (const stream of streams.splice(0)) await stream.return(undefined);
  await rm(folder, { recursive: true, force: true });
});

function follow(from?: FilePosition) {
  const stream = followFile(path, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 2, from });
  streams.push(stream);
  return stream;
}

const textOf = (from: number, to: number) =>
  Array.from(
    { length: to - from + 1 },
    (_, index) => `${String(from + index).padStart(6, '0')} ${'x'.repeat(80)}\n`,
  ).join('');
const upTo = (to: number, from = 1) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const said = (line: FollowedLine) =>
  line.kind === 'line' ? Number(line.text.slice(0, 6)) : line.kind === 'skipped' ? line.reason : 'idle';
const lossesOf = (lines: readonly FollowedLine[]) =>
  lines.flatMap((line) => (line.kind === 'skipped' ? [line.loss] : []));
const looped = (place: string) => symlinkSync(place, place);
/** `textOf(4, 40)`, as xz and bzip2 pack it. */
const packedBy = {
  xz: Buffer.from(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Ay3AFNdABhpCQQHzfxcwEf4RFhWnNzeZc/YzalB7PM0yEx6DbCnue+2BJHwt5Q0EwX/7a3GmlLio0Wq7w9MhGSZ8GCy8AG52q3O5igX8ytCUOQiq1jyoUMAAABMYtU+yKTnIQABb7gZAAAAkjJRN7HEZ/sCAAAAAARZWg==',
    'base64',
  ),
  bzip2: Buffer.from(
    'QlpoOTFBWSZTWT4bi88AAIDcgGAQQAB/4AAEAEAgAGg0oNqP/VUGgSVH+pIeoaab1KkzUqTOvHLrvz3IAAAXd3eIQLu+qIQMwgYxj0gqkFUgrmqqqVVVVFdBCBqED8XckU4UJA+G4vPA',
    'base64',
  ),
};
const makeFifo = (place: string) => execFileSync('mkfifo', [place]);

describe('a rotated file that cannot be opened', () => {
  it('is no loss where it was there before anything was followed', async () => {
    looped(`${path}.1`);
    writeFileSync(`${path}.2.gz`, gzipSync(textOf(900, 950)).subarray(0, 6));
    writeFileSync(path, textOf(1, 3));
    expect((await rest(follow())).map(said)).toEqual(upTo(3));
  });

  it('is one counted loss where it comes while the file is followed, which goes on', async () => {
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 3);
    looped(`${path}.1`);
    read.push(...(await take(stream, 1)));
    renameSync(`${path}.1`, `${path}.2`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, textOf(4, 6));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual([1, 2, 3, 'ROTATED_AWAY', 4, 5, 6]);
    expect(lossesOf(read)).toEqual([{ files: 1, bytes: undefined }]);
  });

  it('is one counted loss after a restart where it is newer than what was read', async () => {
    writeFileSync(path, textOf(1, 4));
    const first = follow();
    const last = (await take(first, 2)).at(-1) as Extract<FollowedLine, { kind: 'line' }>;
    await first.return(undefined);
    renameSync(path, `${path}.2`);
    utimesSync(`${path}.2`, 1_700_000_000, 1_700_000_000);
    looped(`${path}.1`);
    writeFileSync(path, textOf(8, 9));
    const read = await rest(follow(last.after));
    expect(read.map(said).filter((one) => one !== 'ROTATED_AWAY')).toEqual([3, 4, 8, 9]);
    expect(lossesOf(read)).toEqual([{ files: 1, bytes: undefined }]);
  });
});

describe('a packed file that is broken', () => {
  it('is no loss where it has the time of one that was read', async () => {
    writeFileSync(path, textOf(1, 3));
    utimesSync(path, 1_700_000_000.123, 1_700_000_000.123);
    const stream = follow();
    const read = await take(stream, 3);
    renameSync(path, join(folder, 'read'));
    writeFileSync(join(folder, 'made'), gzipSync(textOf(1, 3)).subarray(0, 6));
    utimesSync(join(folder, 'made'), 1_700_000_000.123, 1_700_000_000.123);
    renameSync(join(folder, 'made'), `${path}.1.gz`);
    writeFileSync(path, textOf(4, 5));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual(upTo(5));
  });

  it('is read as far as it goes, and counted once', async () => {
    writeFileSync(path, textOf(1, 3));
    const first = follow();
    const last = (await take(first, 3)).at(-1) as Extract<FollowedLine, { kind: 'line' }>;
    await first.return(undefined);
    const packed = gzipSync(textOf(1, 3) + textOf(4, 400));
    writeFileSync(`${path}.1.gz`, packed.subarray(0, packed.length - 20));
    rmSync(path);
    writeFileSync(path, textOf(401, 405));
    const read = await rest(follow(last.after));
    expect(lossesOf(read)).toEqual([{ files: 1, bytes: undefined }]);
    const lines = read.map(said).filter((one) => one !== 'ROTATED_AWAY');
    expect(lines.slice(-5)).toEqual(upTo(405, 401));
    expect(lines.slice(0, -5)).toEqual(upTo(3 + lines.length - 5, 4));
  });

  it('of which nothing can be unpacked is one counted loss, and the file goes on', async () => {
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 3);
    writeFileSync(join(folder, 'made'), gzipSync(textOf(900, 950)).subarray(0, 6));
    utimesSync(join(folder, 'made'), 1_700_000_000, 1_700_000_000);
    renameSync(join(folder, 'made'), `${path}.1.gz`);
    read.push(...(await take(stream, 1)));
    appendFileSync(path, textOf(4, 5));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual([1, 2, 3, 'ROTATED_AWAY', 4, 5]);
    expect(lossesOf(read)).toEqual([{ files: 1, bytes: undefined }]);
  });

  it.each([
    ['.bz2', packedBy.bzip2, packedBy.bzip2.length],
    ['.xz', packedBy.xz, textOf(4, 40).length],
    ['.xz', packedBy.xz.subarray(0, -20), packedBy.xz.length - 20],
  ])('is one counted loss, with the bytes that are known, where it is packed as %s', async (ending, packed, bytes) => {
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 3);
    writeFileSync(join(folder, 'made'), packed);
    utimesSync(join(folder, 'made'), 1_700_000_000, 1_700_000_000);
    renameSync(join(folder, 'made'), `${path}.1${ending}`);
    read.push(...(await take(stream, 1)));
    appendFileSync(path, textOf(41, 42));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual([1, 2, 3, 'ROTATED_AWAY', 41, 42]);
    expect(lossesOf(read)).toEqual([{ files: 1, bytes }]);
  });

  it('is no loss where it was read before it was packed by xz', async () => {
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 3);
    renameSync(path, `${path}.1`);
    writeFileSync(path, textOf(4, 5));
    read.push(...(await take(stream, 2)));
    const { atime, mtime } = statSync(`${path}.1`);
    writeFileSync(join(folder, 'made'), packedBy.xz);
    utimesSync(join(folder, 'made'), atime, mtime);
    renameSync(join(folder, 'made'), `${path}.1.xz`);
    rmSync(`${path}.1`);
    appendFileSync(path, textOf(6, 6));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual(upTo(6));
  });

  it('is an error where it is the very file that was asked for', async () => {
    path = join(folder, 'recorded.log.gz');
    writeFileSync(path, gzipSync(textOf(1, 3)).subarray(0, 6));
    const stream = followFile(path, { follow: false, signal: controller.signal });
    await expect(stream.next()).rejects.toThrow('unexpected end of file');
  });
});

describe('the followed file itself', () => {
  it('is waited for where it cannot be opened for a while, and a position in it is kept', async () => {
    writeFileSync(path, textOf(1, 4));
    const first = follow();
    const last = (await take(first, 2)).at(-1) as Extract<FollowedLine, { kind: 'line' }>;
    await first.return(undefined);
    renameSync(path, join(folder, 'aside'));
    looped(path);
    const stream = follow(last.after);
    expect((await stream.next()).value).toEqual({ kind: 'idle' });
    expect((await stream.next()).value).toEqual({ kind: 'idle' });
    renameSync(join(folder, 'aside'), path);
    expect((await rest(stream)).map(said)).toEqual([3, 4]);
  });

  it('is waited for where rotation leaves one that cannot be opened', async () => {
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 1);
    renameSync(path, `${path}.1`);
    looped(path);
    read.push(...(await rest(stream)));
    rmSync(path);
    writeFileSync(path, textOf(4, 5));
    read.push(...(await take(stream, 2)));
    expect(read.map(said)).toEqual(upTo(5));
  });

  it('is an error where it need not be followed and cannot be opened', async () => {
    looped(path);
    await expect(followFile(path, { follow: false, signal: controller.signal }).next()).rejects.toThrow('ELOOP');
  });
});

describe('a pipe', () => {
  it('under a rotated name is left alone', async () => {
    makeFifo(`${path}.1`);
    writeFileSync(path, textOf(1, 3));
    const stream = follow();
    const read = await take(stream, 3);
    makeFifo(`${path}.2`);
    appendFileSync(path, textOf(4, 4));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual(upTo(4));
    expect(statSync(`${path}.2`).isFIFO()).toBe(true);
  });

  it('at the path is taken as not there until a file is', async () => {
    makeFifo(path);
    const stream = follow();
    expect((await stream.next()).value).toEqual({ kind: 'idle' });
    rmSync(path);
    writeFileSync(path, textOf(1, 2));
    expect((await rest(stream)).map(said)).toEqual([1, 2]);
  });
});
