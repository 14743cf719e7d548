import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeWhere } from '../../tools/testing/where.ts';
import type { SourceItem } from '../events/source-item.ts';
import { nameOfCallId } from '../events/vocabulary.ts';
import { straceFile } from './strace-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-strace-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function itemsOf(text: string): Promise<SourceItem[]> {
  const path = join(folder, 'strace.txt');
  await writeFile(path, text);
  const found: SourceItem[] = [];
  const signal = new AbortController().signal;
  for await (const { items } of straceFile(path, 'shell', { follow: false, signal })) found.push(...items);
  return found;
}

function callsByThread(items: readonly SourceItem[]): Map<string, string[]> {
  const calls = new Map<string, string[]>();
  for (const item of items) {
    if (item.kind === 'call') calls.set(item.thread, [...(calls.get(item.thread) ?? []), nameOfCallId(item.call)]);
  }
  return calls;
}

describe('straceFile', () => {
  it('counts what is no line of strace: its tables, and what the command wrote to the same terminal', async () => {
    const table = [
      '% time     seconds  usecs/call     calls    errors syscall',
      '------ ----------- ----------- ---------',
    ];
    const lines = [...table, '100.00    0.000123           2        62         1 total', 'hello world', ''];
    const found = await itemsOf(lines.join('\n'));
    expect(found.map((item) => (item.kind === 'skipped' ? item.reason : item))).toEqual(Array(4).fill('NOT_A_CALL'));
  });

  it('waits for the line that shows whether the parent is still there, and goes without it at the end', async () => {
    const fork = ['brk(NULL) = 0x5', 'clone(child_stack=NULL) = 8', 'close(3) = 0', 'close(4) = 0'];
    const silent = callsByThread(await itemsOf(fork.join('\n')));
    expect([...silent.values()]).toEqual([
      ['brk', 'clone'],
      ['close', 'close'],
    ]);
    const announced = callsByThread(
      await itemsOf([...fork, 'strace: Process 8 attached', '[pid 8] read(0) = 0'].join('\n')),
    );
    expect([...announced.values()]).toEqual([['brk', 'clone', 'close', 'close'], ['read']]);
  });
});

describeWhere(spawnSync('strace', ['-V']).error === undefined)('straceFile, of what strace writes here', () => {
  const flags = [
    '',
    '-y',
    '-yy',
    '-Y',
    '-r',
    '-n',
    '-i',
    '-t',
    '-tt',
    '-ttt',
    '-T',
    '-s 4',
    '-q',
    '-Y -n -i -ttt -r -T',
  ];
  it.each(
    flags.flatMap(
      (some) =>
        [
          [some, 'terminal'],
          [some, 'file'],
        ] as const,
    ),
  )('tells four processes apart with -f %s, to a %s', async (some, to) => {
    const path = join(folder, 'traced.txt');
    const script = 'cat /etc/hostname > /dev/null; (cat /etc/passwd > /dev/null; exit 4); cat /etc/group > /dev/null';
    const output = to === 'file' ? ['-o', path] : [];
    const options = some.split(' ').filter((one) => one !== '');
    const ran = spawnSync('strace', ['-f', ...options, ...output, 'sh', '-c', script], { encoding: 'utf8' });
    const text = to === 'file' ? spawnSync('cat', [path], { encoding: 'utf8' }).stdout : ran.stderr;
    const found = await itemsOf(text);
    const calls = [...callsByThread(found).values()];
    expect(calls.length).toBeGreaterThanOrEqual(4);
    // Each process ends itself once, by its last call.
    for (const names of calls) {
      expect(names.filter((name) => name === 'exit_group').length).toBe(1);
      expect(names.at(-1)).toBe('exit_group');
    }
    expect(found.filter(({ kind }) => kind === 'skipped')).toEqual([]);
    expect(found.filter(({ kind }) => kind === 'end').length).toBe(calls.length);
    expect(calls.flat()).not.toContain('<unknown>');
  });
});
