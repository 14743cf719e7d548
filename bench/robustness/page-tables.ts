import type { Report } from '../harness/report.ts';
import {
  barTable,
  countText,
  type Measured,
  minus,
  of,
  percent,
  row,
  seedsText,
  withCount,
  worstKnown,
} from './bars.ts';
import type { Cell } from './kept.ts';
import type { Part } from './parts.ts';
import { tableAttacks } from './table-parts.ts';

/** Tables that count: areas under the curve, and how much of one family of attacks passes that was found before. */
export function tablesOfTables({ name }: Part, measured: readonly Measured[], report: Report): void {
  report.table(
    [
      'rule',
      'nobody hostile',
      'silent',
      'worst generic attack',
      ...tableAttacks.map((attack) => `${attack} (passes)`),
      'seeds',
    ],
    measured.map(({ rule, cells }) => {
      const worst = worstKnown(cells);
      for (const cell of cells) report.record({ case: `${name}: ${rule} under ${cell.behaviour}`, ...cell });
      return [
        rule,
        percent(of(cells, 'none')?.accuracy),
        percent(of(cells, 'silent')?.accuracy),
        worst === undefined ? '–' : `${percent(worst.accuracy)} (${worst.behaviour})`,
        ...tableAttacks.map((attack) => `${percent(of(cells, attack)?.accuracy)} (${passesText(of(cells, attack))})`),
        seedsText(cells),
      ];
    }),
  );
  const mean = measured.find(({ rule }) => rule === 'mean');
  for (const { rule, cells } of measured.filter((each) => each.rule.startsWith('declared'))) {
    const generic = minus(worstKnown(cells)?.accuracy, of(cells, 'silent')?.accuracy);
    const rows = [
      row(
        'nobody hostile, against the plain mean',
        minus(of(cells, 'none')?.accuracy, mean && of(mean.cells, 'none')?.accuracy),
        -1,
      ),
      row('every generic attack tried, against silent: equal', generic, 0),
      ...(rule.endsWith(' sample') && !rule.includes('no ')
        ? [
            withCount('whitelisted family that passes, the sample holds it', of(cells, 'whitelist, family in sample')),
            withCount(
              'whitelisted family that passes, one honest attack set holds it',
              of(cells, 'whitelist, family in one attack set'),
            ),
          ]
        : []),
    ];
    barTable(rule, rows, report);
  }
}

/** The share that passes, and of how many traces: one of few is much, and of none nothing can be said. */
function passesText(cell: Cell | undefined): string {
  if (cell?.passes?.every(({ found }) => found === 0)) return 'none found';
  return `${percent(cell?.backdoor)}${countText(cell)}`;
}
