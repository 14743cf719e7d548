import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Fate } from './ask.ts';
import { explanationOf, explanations } from './explained.ts';
import type { Mutant } from './instrument.ts';
import { mutantsPage } from './page.ts';
import { explainedAnew, filesOf, lessKilled, scoreOf, survivorsOf, withTests } from './record.ts';
import { rooms } from './rooms.ts';

const mutant = (id: string, from: string, to: string): Mutant => ({ id, file: 'a/b.ts', line: 3, kind: 'K', from, to });
const mutants = [
  mutant('1', 'x < y', 'x <= y'),
  mutant('2', 'x < y', 'true'),
  mutant('3', 'z', ''),
  mutant('4', "'m'", '""'),
];
const fates = new Map<string, Fate>([
  ['1', { fate: 'alive' }],
  ['2', { fate: 'killed', by: 't', why: '' }],
  ['3', { fate: 'unreached' }],
  ['4', { fate: 'static' }],
]);

it('counts what could be killed, and names what is explained apart from what is not', () => {
  const files = filesOf(mutants, fates, [{ file: 'a/b.ts', from: 'x < y', to: 'x <= y', why: 'never equal' }]);
  expect(files).toEqual([
    {
      ...{ file: 'a/b.ts', killed: 1, static: 1 },
      survivors: [
        { line: 3, from: 'x < y', to: 'x <= y', reached: true, why: 'never equal' },
        { line: 3, from: 'z', to: '', reached: false },
      ],
    },
  ]);
  expect(scoreOf(files, 'as survivors')).toBeCloseTo(100 / 3, 10);
  expect(scoreOf(files, 'as killed')).toBeCloseTo(200 / 3, 10);
  const page = mutantsPage([{ room: 'a', day: '2026-11-30', tests: 7, files }], '1.2.3');
  expect(page).toContain('| a | 7 | 3 | 1 | 2 | 1 | 33.3 % | 2026-11-30 |');
  expect(page).toContain('| a/b.ts | 3 | 1 | 2 | 1 | 1 |');
  expect(page).toContain('- a/b.ts: never equal (line 3; 1)');
});

it('takes the explanations of now for what survived before', () => {
  const files = filesOf(mutants, fates, [{ file: 'a/b.ts', from: 'x < y', why: 'once' }]);
  const [room] = explainedAnew([{ room: 'a', day: '', tests: 1, files }], [{ file: 'a/b.ts', from: 'z', why: 'now' }]);
  expect(room?.files[0]?.survivors.map(({ from, why }) => [from, why])).toEqual([
    ['x < y', undefined],
    ['z', 'now'],
  ]);
});

it('knows again what survived, of the same mutants alone, and counts what is killed of it since', () => {
  const files = filesOf(mutants, fates, []);
  const survivors = survivorsOf(files, mutants);
  expect(survivors?.map(({ id }) => id)).toEqual(['1', '3']);
  expect(survivorsOf(files, mutants.slice(1))).toBeUndefined();
  expect(survivorsOf(files, [...mutants, mutant('5', 'y', '')])).toBeUndefined();
  expect(survivorsOf(files, [mutant('1', 'x > y', 'x <= y'), ...mutants.slice(1)])).toBeUndefined();
  expect(
    survivorsOf(files, [...mutants.slice(1), { ...mutant('1', 'x < y', 'x <= y'), file: 'a/c.ts' }]),
  ).toBeUndefined();
  const after = lessKilled(files, [mutants[2] as Mutant], [{ file: 'a/b.ts', from: 'x < y', why: 'never equal' }]);
  expect(after).toEqual([
    {
      ...{ file: 'a/b.ts', killed: 2, static: 1 },
      survivors: [{ line: 3, from: 'x < y', to: 'x <= y', reached: true, why: 'never equal' }],
    },
  ]);
});

it('forgets only what stands in its files', () => {
  const gone = rooms.flatMap(({ forgets = [] }) =>
    forgets.filter(
      ({ file, from }) => !readFileSync(join(import.meta.dirname, '../../..', file), 'utf8').includes(from),
    ),
  );
  expect(gone).toEqual([]);
});

it('explains only expressions that stand in their files', () => {
  const gone = explanations.filter(({ file, from }) => {
    const source = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, '../../..', file), 'utf8'));
    return !source.replace(/\s+/g, ' ').includes(from);
  });
  expect(explanations.length).toBeGreaterThan(0);
  expect(gone).toEqual([]);
});

it('explains an expression by a part of it, and a whole block by nothing that is a part of it', () => {
  const kept = [{ file: 'a/b.ts', from: 'kept.set(', why: 'found anew it is the same' }];
  const of = (from: string, to: string) => explanationOf({ file: 'a/b.ts', from, to }, kept)?.why;
  expect(of('kept.set(key, value);', ';')).toBe('found anew it is the same');
  expect(of('{ const value = make(); kept.set(key, value); return value; }', '{}')).toBeUndefined();
  const block = [{ file: 'a/b.ts', from: '{ kept.clear();', why: 'found anew it is the same' }];
  expect(explanationOf({ file: 'a/b.ts', from: '{ kept.clear(); }', to: '{}' }, block)).toEqual(block[0]);
});

it('counts a test that is asked of survivors once, however often, and one of the room not again', () => {
  const of = (file: string, count: number) => Array.from({ length: count }, () => ({ file }));
  const own = ['a/a.test.ts'];
  const first = withTests({ tests: 10 }, own, [...of('a/a.test.ts', 10), ...of('b/b.test.ts', 3)]);
  expect(first).toEqual({ tests: 13, besides: { 'b/b.test.ts': 3 } });
  expect(withTests(first, own, of('b/b.test.ts', 3))).toEqual(first);
  // Of a file that has changed what it has now.
  const more = withTests(first, own, [...of('b/b.test.ts', 5), ...of('c/c.test.ts', 1)]);
  expect(more).toEqual({ tests: 16, besides: { 'b/b.test.ts': 5, 'c/c.test.ts': 1 } });
});
