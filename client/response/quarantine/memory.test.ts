import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { closedBreaker } from '../ladder/breaker.ts';
import { joined, loadMemory, type Memory, saveMemory, sharedIn, sharedText } from './memory.ts';

const spent = (...uids: string[]) => uids.map((uid) => ({ uid, atMs: 1, namespace: 'shop', workload: 'web' }));
const open = (atMs: number) => ({ track: 'syscall', version: 3, atMs, why: 'too much' });
const memory = (uids: readonly string[], breaker: Partial<Memory['breaker']> = {}): Memory => ({
  ...{ spent: spent(...uids), begun: [], breaker: { ...closedBreaker, ...breaker } },
});

it('joins what two leaders wrote: what one spent is spent, in any order and however often', () => {
  const [a, b] = [memory(['1', '2']), memory(['2', '3'])];
  const uids = (all: Memory) => all.spent.map(({ uid }) => uid).sort();
  expect(uids(joined(a, b))).toEqual(['1', '2', '3']);
  expect(uids(joined(joined(a, b), b))).toEqual(uids(joined(b, a)));
  expect(joined(a, undefined)).toBe(a);
});

it('joins breakers: open until somebody resumes after it, whoever saw which first', () => {
  const opened = memory([], { open: open(10) });
  const resumedLater = memory([], { resumedAtMs: 20 });
  const resumedBefore = memory([], { resumedAtMs: 5 });
  for (const [one, other] of [
    [opened, resumedLater],
    [resumedLater, opened],
  ] as const) {
    expect(joined(one, other).breaker).toMatchObject({ open: null, resumedAtMs: 20 });
  }
  expect(joined(resumedBefore, opened).breaker).toMatchObject({ open: { atMs: 10 }, resumedAtMs: 5 });
  const swaps = (atMs: number, version: number) => [{ track: 'syscall', version, atMs }];
  const newer = joined(memory([], { swaps: swaps(1, 3) }), memory([], { swaps: swaps(2, 4) }));
  expect(newer.breaker.swaps).toEqual(swaps(2, 4));
});

it('joins whom either leader saw flagged by one version, and forgets what somebody resumed after', () => {
  const pod = (at: number) => ({ atMs: at, workload: `w${at % 3}`, pod: `p${at}` });
  const swap = (atMs: number, ...flagged: number[]) => [
    { track: 'syscall', version: 3, atMs, flagged: flagged.map(pod) },
  ];
  const one = memory([], { swaps: swap(5, 10, 20, 30) });
  const other = memory([], { swaps: swap(4, 20, 40) });
  const both = swap(4, 10, 20, 30, 40);
  expect(joined(one, other).breaker.swaps).toEqual(both);
  expect(joined(other, one).breaker.swaps).toEqual(both);
  expect(joined(joined(one, other), other).breaker.swaps).toEqual(both);
  const later = memory([], { swaps: swap(4, 40), resumedAtMs: 20 });
  expect(joined(one, later).breaker.swaps).toEqual(swap(4, 30, 40));
});

it('stands on a lease as it was, forgets nothing that is too much or spoilt, and keeps pods’ evidence to itself', () => {
  const full: Memory = {
    ...memory(['1'], {
      open: open(10),
      swaps: [{ track: 'syscall', version: 3, atMs: 4, flagged: [{ atMs: 5, workload: 'ab12', pod: 'cd34' }] }],
    }),
    begun: [{ uid: '1', atMs: 1, evidence: 'sha256:e', alerts: ['a-1'] }],
    reported: { track: 'syscall', version: 3 },
  };
  const { begun: _, ...shared } = full;
  expect(sharedIn(sharedText(full))).toMatchObject(shared);
  const old = sharedText(memory(['1'], { swaps: [{ track: 'syscall', version: 3, atMs: 4 }] }));
  expect(sharedIn(old).breaker.swaps).toEqual([{ track: 'syscall', version: 3, atMs: 4 }]);
  expect(sharedText(full)).not.toContain('sha256:e');
  expect(() => sharedIn('{}')).toThrow('what was spent today is unknown');
  const many = memory(Array.from({ length: 5_000 }, (_one, at) => `uid-${at}`));
  expect(() => sharedText(many)).toThrow('sign smaller budgets');
});

it('says of what an agent of a newer build wrote that it is that, advises nobody to move it away, and leaves it', async () => {
  const path = join(tempDir(), 'memory.json');
  await saveMemory(path, memory(['1']));
  const newer = JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), hours: 3 });
  await writeFile(path, newer);
  await expect(loadMemory(path)).rejects.toThrow(/memory\.json: has hours, .* start the build that wrote it/);
  expect(await readFile(path, 'utf8')).toBe(newer);
  await writeFile(path, '{}');
  await expect(loadMemory(path)).rejects.toThrow(/not as it was written.*Move it away/);
  const shared = JSON.parse(sharedText(memory(['1'])));
  expect(() => sharedIn(JSON.stringify({ ...shared, hours: 3 }))).toThrow(/has hours of an agent of a newer build/);
});
