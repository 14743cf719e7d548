import type { Report } from '../harness/report.ts';
import { barTable, type Measured, minus, of, percent, row, seedsText, withCount, worstKnown } from './bars.ts';
import { knowingAttacks } from './behaviours.ts';
import { familyInAttackSet, type Part } from './parts.ts';

/** A network that predicts: areas under the curve, of a killed class its own as well, and how much of one family passes. */
export function tableOfNetwork({ name }: Part, measured: readonly Measured[], report: Report): void {
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
  const deployed = measured.find(({ rule }) => rule === 'trusted weights');
  if (deployed !== undefined) barsOf(deployed, measured, report);
}

/** Of so small a network the bars that stand for every model: nobody hostile, and the attacks that were tried. */
function barsOf({ rule, cells }: Measured, measured: readonly Measured[], report: Report): void {
  const mean = measured.find((each) => each.rule === 'mean');
  const silent = of(cells, 'silent')?.accuracy;
  const attacked = cells.filter(({ behaviour }) => behaviour !== 'none' && behaviour !== 'silent');
  const knows = (behaviour: string) => (knowingAttacks as readonly string[]).includes(behaviour);
  const killed = of(cells, 'class kill')?.rare;
  barTable(
    rule,
    [
      row('nobody hostile, against the plain mean', minus(of(cells, 'none')?.accuracy, mean && of(mean.cells, 'none')?.accuracy), -1), // biome-ignore format: one line
      ...attacked.map(({ behaviour, accuracy }) =>
        row(
          `${behaviour}, against silent`,
          minus(accuracy, silent),
          knows(behaviour) && behaviour !== 'backdoor' ? -3 : -1,
        ),
      ),
      withCount('backdoor success, the sample holds the family', of(cells, 'backdoor')),
      withCount('backdoor success, one honest attack set holds it too', of(cells, familyInAttackSet)),
      ...(killed === undefined
        ? []
        : [row('class kill, area of the class, against silent', minus(killed.attacked, killed.untouched), undefined)]),
    ],
    report,
  );
}
