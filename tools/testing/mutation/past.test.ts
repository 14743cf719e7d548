import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Asked, ask } from './ask.ts';
import { keepPast, readPast } from './past.ts';

const folder = mkdtempSync(join(tmpdir(), 'testudo-mutants-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [still, edited] = ['still.test.ts', 'edited.test.ts'].map((name) => join(folder, name)) as [string, string];
const hits = { '1': 1, '2': 1, '3': 1 };
const test = (file: string, id: string) => ({ kind: 'reach', test: id, name: id, file, ms: 1, hits }) as const;
const loaded = (file: string) => ({ kind: 'loaded', file, ids: [] }) as const;
const reached = { tests: [test(still, 's'), test(edited, 'e')], loaded: [loaded(still), loaded(edited)] };
const verdicts = [
  { id: '1', test: 's', killed: 'expected 1' },
  { id: '2', test: 's' },
  { id: '2', test: 'e', killed: 'expected 2' },
];

it('keeps what tests said while the sources and their own file are what they were', async () => {
  for (const file of [still, edited]) writeFileSync(file, 'as it was');
  expect(readPast(folder, 'these')).toEqual({ reached: { tests: [], loaded: [] }, verdicts: [] });
  await keepPast(folder, 'these', { reached, verdicts });
  expect(readPast(folder, 'these')).toEqual({ reached, verdicts });
  expect(readPast(folder, 'others').verdicts).toEqual([]);

  writeFileSync(edited, 'as it is');
  const left = { reached: { tests: [reached.tests[0]], loaded: [reached.loaded[0]] }, verdicts: verdicts.slice(0, 2) };
  expect(readPast(folder, 'these')).toEqual(left);
  rmSync(edited);
  expect(readPast(folder, 'these')).toEqual(left);
});

it('is not asked again: nothing runs where all is known, or need not be known', async () => {
  const told: number[] = [];
  const fates = await ask({ checkout: folder, folder: join(folder, 'nowhere') }, ['1', '2', '3', '4'], reached, {
    ...{ isQuick: false, known: verdicts, unasked: new Set(['3']) },
    tell: ({ verdicts }: Asked) => void told.push(verdicts.length),
  });
  expect(Object.fromEntries(fates)).toEqual({
    1: { fate: 'killed', by: 's', why: 'expected 1' },
    2: { fate: 'killed', by: 'e', why: 'expected 2' },
    3: { fate: 'alive' },
    4: { fate: 'unreached' },
  });
  expect(told).toEqual([3]);
});
