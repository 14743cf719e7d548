import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { type FilePosition, type FollowedLine, followFile } from '../file-follower.ts';
import { rest, take } from './testing/take-lines.ts';

let folder: string;
let link: string;
let target: string;
let controller: AbortController;
const streams: AsyncGenerator<FollowedLine>[] = [];
/** As the kubelet lays logs out: a link per container, which leads to another folder. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-linked-'));
  mkdirSync(join(folder, 'containers'));
  mkdirSync(join(folder, 'pods'));
  link = join(folder, 'containers', 'x.log');
  target = join(folder, 'pods', '0.log');
  controller = new AbortController();
});
afterEach(async () => {
  controller.abort();
  for (const stream of streams.splice(0)) await stream.return(undefined);
  await rm(folder, { recursive: true, force: true });
});

function follow(from?: FilePosition) {
  const stream = followFile(link, { follow: true, timers: systemTimers, signal: controller.signal, pollMs: 2, from });
  streams.push(stream);
  return stream;
}

const upTo = (to: number, from = 1) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const textOf = (from: number, to: number) =>
  upTo(to, from)
    .map((one) => `${String(one).padStart(6, '0')} ${'x'.repeat(80)}\n`)
    .join('');
const said = (line: FollowedLine) =>
  line.kind === 'line' ? Number(line.text.slice(0, 6)) : line.kind === 'skipped' ? line.reason : 'idle';

/** 200 lines, then the kubelet's rotation: the newest rotated file stays plain, the one before it is packed. */
function writeAndRotate(round: number): void {
  appendFileSync(target, textOf(round * 200 + 1, round * 200 + 200));
  renameSync(target, `${target}.20261128-19000${round}`);
  const before = `${target}.20261128-19000${round - 1}`;
  if (round > 0) {
    writeFileSync(`${before}.gz`, gzipSync(readFileSync(before)));
    rmSync(before);
  }
  writeFileSync(target, '');
}

describe('a file that is followed through a link', () => {
  it('is read over rotations of what the link leads to, while the reader is busy', async () => {
    writeFileSync(target, '');
    symlinkSync(target, link);
    appendFileSync(target, textOf(1, 200));
    const stream = follow();
    const read = await take(stream, 1);
    renameSync(target, `${target}.20261128-190000`);
    for (let round = 1; round < 3; round++) writeAndRotate(round);
    appendFileSync(target, textOf(601, 800));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual(upTo(800));
  });

  it.each(['pods/0.log', 'links/0.log'])('goes on after a restart, over rotations meanwhile: by %s', async (first) => {
    writeFileSync(target, textOf(1, 5));
    mkdirSync(join(folder, 'links'));
    symlinkSync(target, join(folder, 'links', '0.log'));
    symlinkSync(join('..', first), link);
    const stream = follow();
    const last = (await take(stream, 3)).at(-1) as Extract<FollowedLine, { kind: 'line' }>;
    await stream.return(undefined);
    appendFileSync(target, textOf(6, 200));
    renameSync(target, `${target}.20261128-190000`);
    for (let round = 1; round < 3; round++) writeAndRotate(round);
    appendFileSync(target, textOf(601, 610));
    expect((await rest(follow(last.after))).map(said)).toEqual(upTo(610, 4));
  });

  it('is read to its end where the link is led elsewhere, and rotations there are followed', async () => {
    writeFileSync(target, textOf(1, 5));
    symlinkSync(target, link);
    const stream = follow();
    const read = await take(stream, 2);
    target = join(folder, 'pods', '1.log');
    writeFileSync(target, textOf(6, 8));
    symlinkSync(target, `${link}.new`);
    renameSync(`${link}.new`, link);
    read.push(...(await take(stream, 4)));
    for (const [round, count] of [9, 12, 15].entries()) {
      appendFileSync(target, textOf(count, count + 2));
      renameSync(target, `${target}.20261128-19000${round}`);
      writeFileSync(target, '');
    }
    appendFileSync(target, textOf(18, 20));
    read.push(...(await rest(stream)));
    expect(read.map(said)).toEqual(upTo(20));
  });
});
