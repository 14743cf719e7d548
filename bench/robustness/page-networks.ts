import type { Report } from '../harness/report.ts';
import {
  barTable,
  countText,
  type Measured,
  minus,
  of,
  percent,
  type Row,
  row,
  seedsText,
  withCount,
  worstKnown,
} from './bars.ts';
import { knowingAttacks } from './behaviours.ts';
import type { Cover } from './federation.ts';
import type { Cell } from './kept.ts';
import { doubtAlone, doubtAndBackdoor, familyInAttackSet, familyInNoSample, type Part } from './parts.ts';
import { toldApartRule, toldFartherRule } from './rules.ts';

/** A network that predicts: areas under the curve, of a killed class its own as well, and how much of one family passes. */
export function tableOfNetwork({ name, cover }: Part, measured: readonly Measured[], report: Report): void {
  report.table(
    [
      ...['rule', 'nobody hostile', 'silent', 'worst known attack', 'tailored'],
      'class kill: its own area (without)',
      ...['drift', 'sleeper', 'backdoor success', 'seeds'],
    ],
    measured.map(({ rule, cells }) => {
      const worst = worstKnown(cells);
      for (const cell of cells) report.record({ case: `${name}: ${rule} under ${cell.behaviour}`, ...cell });
      const area = (behaviour: string) => percent(of(cells, behaviour)?.accuracy);
      const rare = of(cells, 'class kill')?.rare;
      return [
        ...[rule, area('none'), area('silent')],
        worst === undefined ? '–' : `${percent(worst.accuracy)} (${worst.behaviour})`,
        area('tailored'),
        rare === undefined ? '–' : `${percent(rare.attacked)} (${percent(rare.untouched)})`,
        ...[area('drift'), area('sleeper'), percent(of(cells, 'backdoor')?.backdoor)],
        seedsText(cells),
      ];
    }),
  );
  for (const rule of ['trusted weights', toldApartRule, toldFartherRule]) {
    const deployed = measured.find((each) => each.rule === rule);
    if (deployed !== undefined) barsOf(deployed, measured, cover, report);
  }
}

/** Of so small a network the bars that stand for every model: nobody hostile, and the attacks that were tried. */
function barsOf({ rule, cells }: Measured, measured: readonly Measured[], cover: Cover, report: Report): void {
  const isHalf = cover === 'half';
  const mean = measured.find((each) => each.rule === 'mean');
  const silent = of(cells, 'silent')?.accuracy;
  const attacked = cells.filter(({ behaviour }) => behaviour !== 'none' && behaviour !== 'silent');
  const known = isHalf ? 'the sample covers half of the classes' : 'the sample holds the family';
  const elsewhere = of(cells, familyInNoSample);
  const backdoors: (readonly [string, Cell | undefined, Partial<Row>])[] = [[known, of(cells, 'backdoor'), {}]];
  if (!isHalf) backdoors.push(['one honest attack set holds it too', of(cells, familyInAttackSet), {}]);
  if (elsewhere) {
    const noBar = { bar: '', met: undefined, note: `${countText(elsewhere).replace(': ', '')} traces` };
    backdoors.push(['the sample holds other families alone', elsewhere, noBar]);
  }
  const byTurns = of(cells, doubtAndBackdoor);
  if (byTurns) backdoors.push(['by turns with raising doubt', byTurns, {}]);
  const killed = of(cells, 'class kill')?.rare;
  barTable(
    rule,
    [
      row('nobody hostile, against the plain mean', minus(of(cells, 'none')?.accuracy, mean && of(mean.cells, 'none')?.accuracy), isHalf ? -3 : -1), // biome-ignore format: one line
      ...attacked.map(({ behaviour, accuracy }) =>
        row(`${behaviour}, against silent`, minus(accuracy, silent), barOf(behaviour, isHalf)),
      ),
      ...backdoors.map(([what, cell, bar]) => ({ ...withCount(`backdoor success, ${what}`, cell), ...bar })),
      ...(killed === undefined
        ? []
        : [row('class kill, area of the class, against silent', minus(killed.attacked, killed.untouched), undefined)]),
    ],
    report,
  );
}

/** Points that an attack may cost; undefined where no bar was set. */
function barOf(behaviour: string, isHalf: boolean): number | undefined {
  if (behaviour === familyInNoSample) return undefined;
  const knows = [...knowingAttacks, doubtAlone, doubtAndBackdoor].includes(behaviour);
  return isHalf || (knows && behaviour !== 'backdoor') ? -3 : -1;
}
