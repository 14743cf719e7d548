import { expect, test } from 'vitest';
import type { Report } from '../harness/report.ts';
import type { Cell } from './kept.ts';
import { networkParts } from './network-parts.ts';
import { writePage } from './page.ts';
import { familyInAttackSet, linearParts } from './parts.ts';
import { tableParts } from './table-parts.ts';

function pageOf(part: string, pieces: Parameters<typeof writePage>[1]): string[] {
  const lines: string[] = [];
  const report = {
    text: (text: string) => void lines.push(text),
    table: (_: readonly string[], rows: readonly (readonly string[])[]) =>
      void lines.push(...rows.map((row) => row.join(' | '))),
    record: () => {},
  } as Partial<Report> as Report;
  const parts = [...linearParts(), ...tableParts(), ...networkParts()];
  writePage(parts.filter(({ name }) => name === part), pieces, report); // biome-ignore format: one line
  return lines;
}

const cell = (rule: string, behaviour: string, accuracy: number, seeds: readonly string[]): Cell => ({
  ...{ rule, behaviour, seeds, accuracy, recall: 0, backdoor: 0 },
  ...{ commit: 'abc', measuredAt: '2026-01-01T00:00:00.000Z' },
});

test('writePage › takes a rule that asks no sample from where it was measured, and says on which seeds', () => {
  const cells = [
    cell('krum', 'none', 0.5, ['4', '5', '6']),
    cell('krum', 'min-max', 0.125, ['4', '5', '6']),
    cell('krum', 'tailored', 0.25, ['4']),
  ];
  const lines = pageOf('linear n=20 f=3 none', [{ part: 'linear n=20 f=3 all', rule: 'krum', cells }]);
  expect(lines).toContain('krum | 50.0 | – | 12.5 (min-max) | 25.0 | – | – | – | – | 4–6; tailored: 4');
});

test('writePage › shows a figure as closely as its bar asks, and where silence does not reach a class either', () => {
  const rule = 'trusted weights, blind by contrast';
  const seeds = ['4'];
  const silent = { ...cell(rule, 'silent', 0.9, seeds), recall: 0.85 };
  const cells = [
    silent,
    cell(rule, 'tailored', 0.8699, seeds),
    { ...cell(rule, 'class kill', 0.9, seeds), recall: 0.8 },
  ];
  const lines = pageOf('linear n=20 f=3 half', [{ part: 'linear n=20 f=3 half', rule, cells }]);
  expect(lines).toContain('tailored, against silent | ≥ −3 | −3.01 | **missed**');
  expect(lines).toContain(
    'class kill: recall of the class (85.0 while silent) | ≥ 90 % | 80.0 | **missed**; honest holders alone do not reach it',
  );
});

test('writePage › holds a killed class against its bar on the seeds where honest holders reach it', () => {
  const rule = 'trusted weights, blind by contrast';
  const of = (behaviour: string, recalls: readonly number[]) => ({
    ...cell(rule, behaviour, 0.9, ['4', '5', '6']),
    recalls,
    recall: recalls.reduce((sum, each) => sum + each, 0) / recalls.length,
  });
  const cells = [of('silent', [0.5, 0.9, 1]), of('class kill', [0.5, 0.875, 0.75])];
  const part = 'linear n=20 f=3 half';
  expect(pageOf(part, [{ part, rule, cells }])).toContain(
    'class kill, where honest holders alone reach it (2 of 3 seeds) | ≥ 90 % | 81.3 | **missed**',
  );
});

test('writePage › says how a network tells the killed class, beside how it does without the attack', () => {
  const part = 'lstm n=8 f=2';
  const rule = 'median';
  const cells = [{ ...cell(rule, 'class kill', 0.75, ['4']), rare: { attacked: 0.25, untouched: 0.5 } }];
  expect(pageOf(part, [{ part, rule, cells }])).toContain('median | – | – | – | – | 25.0 (50.0) | – | – | – | 4');
});

test('writePage › counts what passes of a network’s backdoor, before a gate and behind it', () => {
  const part = 'lstm n=8 f=2';
  const rule = 'trusted weights';
  const of = (behaviour: string, passes: Cell['passes'], backdoor: number) => ({
    ...cell(rule, behaviour, 0.8, ['4', '5']),
    ...{ passes: passes ?? [], backdoor },
  });
  const before = [{ found: 8, pass: 4 }, { found: 4, pass: 1 }]; // biome-ignore format: one line
  const behind = [{ found: 8, pass: 0 }, { found: 4, pass: 0 }]; // biome-ignore format: one line
  const cells = [of('backdoor', before, 0.375), of(familyInAttackSet, behind, 0)];
  const lines = pageOf(part, [{ part, rule, cells }]);
  expect(lines).toContain('backdoor success, the sample holds the family | ≤ 2 % | 37.5 | **missed**: 5 of 12 traces');
  expect(lines).toContain('backdoor success, one honest attack set holds it too | ≤ 2 % | 0.0 | met: 0 of 12 traces');
});

test('writePage › says of a table that finds nothing of a family that none was found, and not that nothing passes', () => {
  const part = 'tables n=20 f=3';
  const rule = 'krum';
  const of = (behaviour: string, passes: Cell['passes']) => ({
    ...cell(rule, behaviour, 0.5, ['4']),
    passes: passes ?? [],
  });
  const cells = [
    of('whitelist own class', [{ found: 0, pass: 0 }]),
    { ...of('sybils of a rare class', [{ found: 8, pass: 2 }]), backdoor: 0.25 },
  ];
  expect(pageOf(part, [{ part, rule, cells }])).toContain(
    'krum | – | – | – | 50.0 (none found) | – (–) | – (–) | 50.0 (25.0: 2 of 8) | 4',
  );
});

test('tableParts › asks every rule that a table can run, and holds liars against honest work where silence cannot be', () => {
  const part = tableParts().find(({ name }) => name === 'tables n=20 f=6');
  expect(part?.rules).toContain('geometric median');
  expect(part?.rules).not.toContain('trusted weights');
  expect(part?.cannotRun).toEqual(['bulyan', 'bucketing + krum', 'bucketing + trimmed mean']);
  expect(part?.behavioursOf('median')).toContain('silent');
  expect(part?.behavioursOf('krum')).not.toContain('silent');
});

test('linearParts › names the rules that n is too small for, and never measures them', () => {
  const part = linearParts().find(({ name }) => name === 'linear n=20 f=6 all');
  expect(part?.cannotRun).toEqual(['bulyan', 'bucketing + krum', 'bucketing + trimmed mean']);
  expect(part?.rules).not.toContain('bulyan');
});
