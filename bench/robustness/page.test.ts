import { expect, test } from 'vitest';
import type { Report } from '../harness/report.ts';
import type { Cell } from './kept.ts';
import { writePage } from './page.ts';
import { linearParts } from './parts.ts';

function pageOf(part: string, pieces: Parameters<typeof writePage>[1]): string[] {
  const lines: string[] = [];
  const report = {
    text: (text: string) => void lines.push(text),
    table: (_: readonly string[], rows: readonly (readonly string[])[]) =>
      void lines.push(...rows.map((row) => row.join(' | '))),
    record: () => {},
  } as Partial<Report> as Report;
  writePage(linearParts().filter(({ name }) => name === part), pieces, report); // biome-ignore format: one line
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

test('linearParts › names the rules that n is too small for, and never measures them', () => {
  const part = linearParts().find(({ name }) => name === 'linear n=20 f=6 all');
  expect(part?.cannotRun).toEqual(['bulyan', 'bucketing + krum', 'bucketing + trimmed mean']);
  expect(part?.rules).not.toContain('bulyan');
});
