import type { Report } from '../harness/report.ts';
import { knownAttacks } from './behaviours.ts';
import type { Cell } from './kept.ts';

/** A figure against its bar. `met` is undefined where no bar is set. */
export type Row = Readonly<{ what: string; bar: string; figure: string; met: boolean | undefined; note?: string }>;

/** A rule with what was measured of it in one setting. */
export type Measured = Readonly<{ rule: string; cells: readonly Cell[] }>;

export function barTable(title: string, rows: readonly Row[], report: Report): void {
  report.table(
    [title, 'bar', 'measured', ''],
    rows.map(({ what, bar, figure, met, note }) => [what, bar, figure, `${verdict(met)}${note ?? ''}`]),
  );
}

function verdict(met: boolean | undefined): string {
  return met === undefined ? '' : met ? 'met' : '**missed**';
}

export function row(what: string, points: number | undefined, bar: number | undefined): Row {
  // As many digits as it takes to see on which side of the bar it is.
  const digits = points !== undefined && bar !== undefined && Math.abs(points - bar) < 0.05 ? 2 : 1;
  const figure =
    points === undefined || Number.isNaN(points)
      ? '–'
      : `${points >= 0 ? '+' : '−'}${Math.abs(points).toFixed(digits)}`;
  const met = bar === undefined || points === undefined ? undefined : points >= bar - 1e-9;
  return { what, bar: bar === undefined ? '' : bar === 0 ? '≥ 0' : `≥ −${-bar}`, figure, met };
}

export function atLeast(what: string, value: number | null | undefined, bar: number): Row {
  const met = value === undefined || value === null ? undefined : value >= bar;
  return { what, bar: `≥ ${100 * bar} %`, figure: percent(value), met };
}

export function atMost(what: string, value: number | null | undefined, bar?: number): Row {
  const met = value === undefined || value === null || bar === undefined ? undefined : value <= bar;
  const close = typeof value === 'number' && bar !== undefined && Math.abs(value - bar) < 0.0005;
  const figure = close ? (100 * value).toFixed(2) : percent(value);
  return { what, bar: bar === undefined ? '' : `≤ ${100 * bar} %`, figure, met };
}

/** A share of a family's traces that passes, against the bar for that, and of how many. */
export function withCount(what: string, cell: Cell | undefined): Row {
  return { ...atMost(what, cell?.backdoor, 0.02), note: cell?.passes ? `${countText(cell)} traces` : '' };
}

/** Of how many traces; one of few is much. */
export function countText(cell: Cell | undefined): string {
  if (cell?.passes === undefined) return '';
  const sum = (count: 'pass' | 'found') => cell.passes?.reduce((total, each) => total + each[count], 0);
  return `: ${sum('pass')} of ${sum('found')}`;
}

export function of(cells: readonly Cell[], behaviour: string): Cell | undefined {
  return cells.find((cell) => cell.behaviour === behaviour);
}

export function worstKnown(cells: readonly Cell[]): Cell | undefined {
  const known = cells.filter(({ behaviour }) => (knownAttacks as readonly string[]).includes(behaviour));
  return known.reduce<Cell | undefined>(
    (worst, cell) => (worst === undefined || (cell.accuracy ?? 1) < (worst.accuracy ?? 1) ? cell : worst),
    undefined,
  );
}

export function minus(a: number | null | undefined, b: number | null | undefined): number | undefined {
  return typeof a !== 'number' || typeof b !== 'number' ? undefined : 100 * (a - b);
}

export function percent(share: number | null | undefined): string {
  return share === undefined || share === null || Number.isNaN(share) ? '–' : (100 * share).toFixed(1);
}

/** Which seeds the figures of a row are means of: those of most, and which others have fewer. */
export function seedsText(cells: readonly Cell[]): string {
  const bySeeds = [...Map.groupBy(cells, ({ seeds }) => seeds.join())].sort(([, a], [, b]) => b.length - a.length);
  const range = (seeds: readonly string[]) => (seeds.length > 1 ? `${seeds[0]}–${seeds.at(-1)}` : `${seeds[0]}`);
  return bySeeds
    .map(
      ([, own], at) =>
        `${at === 0 ? '' : `${own.map(({ behaviour }) => behaviour).join(', ')}: `}${range(own[0]?.seeds ?? [])}`,
    )
    .join('; ');
}
