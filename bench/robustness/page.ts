import type { Report } from '../harness/report.ts';
import {
  atLeast,
  atMost,
  barTable,
  type Measured,
  minus,
  of,
  percent,
  type Row,
  row,
  seedsText,
  worstKnown,
} from './bars.ts';
import { twoFacedAttacks } from './behaviours.ts';
import { costTable } from './cost.ts';
import type { Cell, Piece } from './kept.ts';
import { tableOfNetwork } from './page-networks.ts';
import { tablesOfTables } from './page-tables.ts';
import { familyInAttackSet, familyInSample, type Part } from './parts.ts';
import { pooledRule } from './pooled.ts';

/** The page: for each part how every rule fares, and how what is deployed stands to the bars that were set beforehand. */
export function writePage(parts: readonly Part[], pieces: readonly Piece[], report: Report): void {
  report.text(
    'Measured in pieces, each kept in `bench/results/robustness/`; the last table says which cell is how old. Hyper-parameters were chosen on seeds 1–3 and 11–16; reported are others.',
  );
  for (const part of parts) {
    const measured = part.rules.flatMap((rule) => {
      const cells = cellsOf(part, rule, pieces);
      return cells.length === 0 ? [] : [{ rule, cells }];
    });
    const missing = part.rules.filter((rule) => !measured.some((each) => each.rule === rule));
    report.text(`## ${part.title}`);
    if (measured.length > 0 && part.name.startsWith('tables')) tablesOfTables(part, measured, report);
    else if (part.name.endsWith('family')) tableOfFamily(part, measured, report);
    else if (measured.length > 0 && part.name.startsWith('lstm')) tableOfNetwork(part, measured, report);
    else if (measured.length > 0) {
      tableOfRules(part, measured, report);
      tableOfBars(part, measured, report);
    }
    const { cannotRun } = part;
    if (cannotRun.length > 0) {
      report.text(`Refused there, n too small for f: ${cannotRun.join(', ')}.`);
    }
    if (missing.length > 0) report.text(`Not measured yet: ${missing.join(', ')}.`);
    const lackingOf = ({ rule, cells }: Measured) =>
      part.behavioursOf(rule).filter((behaviour) => of(cells, behaviour) === undefined);
    for (const [lacking, rules] of Map.groupBy(measured, (each) => lackingOf(each).join(', '))) {
      if (lacking !== '')
        report.text(`Not measured yet under ${lacking}: ${rules.map(({ rule }) => rule).join('; ')}.`);
    }
  }
  costTable(pieces, report);
  tableOfAges(pieces, report);
}

/** From what sources each cell comes: a rule that was changed since has to be measured again. */
function tableOfAges(pieces: readonly Piece[], report: Report): void {
  report.text(
    '## How old each cell is\n\nCommits as they were when they were measured; one that the main branch has not was rebased since.',
  );
  report.table(
    ['setting', 'rule', 'cells, commit and day'],
    pieces.map(({ part, rule, cells }) => {
      const byOrigin = Map.groupBy(cells, ({ commit, measuredAt }) => `${commit} on ${measuredAt.slice(0, 10)}`);
      return [part, rule, [...byOrigin].map(([origin, own]) => `${own.length} of ${origin}`).join('; ')];
    }),
  );
}

/** What was measured of a rule in this setting; of one that asks no sample also what was where the sample covers something else. */
function cellsOf(part: Part, rule: string, pieces: readonly Piece[]): Cell[] {
  const wanted = part.behavioursOf(rule);
  const inPart = (name: string | undefined) =>
    pieces.find((each) => each.part === name && each.rule === rule)?.cells ?? [];
  const own = inPart(part.name);
  const elsewhere = inPart(part.sameAs(rule)).filter(({ behaviour }) => of(own, behaviour) === undefined);
  return [...own, ...elsewhere].filter(({ behaviour }) => wanted.includes(behaviour));
}

/** Backdoors alone: balanced accuracy, and in brackets what part of the family passes. */
function tableOfFamily({ name }: Part, measured: readonly Measured[], report: Report): void {
  const columns = [familyInSample, familyInAttackSet];
  report.table(
    ['rule', 'silent', 'the sample holds it (passes)', 'one honest attack set holds it (passes)', 'seeds'],
    measured.map(({ rule, cells }) => {
      for (const cell of cells) report.record({ case: `${name}: ${rule} under ${cell.behaviour}`, ...cell });
      const both = (behaviour: string) => {
        const cell = of(cells, behaviour);
        return cell === undefined ? '–' : `${percent(cell.accuracy)} (${percent(cell.backdoor)})`;
      };
      return [rule, percent(of(cells, 'silent')?.accuracy), ...columns.map(both), seedsText(cells)];
    }),
  );
  const deployed = measured.find(({ rule }) => rule === 'trusted weights');
  const rows = [
    atMost('backdoor success, the sample holds the family', of(deployed?.cells ?? [], familyInSample)?.backdoor, 0.02),
    atMost('backdoor success, one honest attack set holds the family', of(deployed?.cells ?? [], familyInAttackSet)?.backdoor, 0.02), // biome-ignore format: one line
  ];
  barTable('trusted weights', rows, report);
}

function tableOfRules({ name, cover }: Part, measured: readonly Measured[], report: Report): void {
  const twoFaced = cover === 'half' ? twoFacedAttacks : [];
  report.table(
    [
      'rule',
      'nobody hostile',
      'silent',
      'worst known attack',
      'tailored',
      'class kill: recall',
      'drift',
      'sleeper',
      'backdoor success',
      ...twoFaced,
      'seeds',
    ],
    measured.map(({ rule, cells }) => {
      const worst = worstKnown(cells);
      for (const cell of cells) report.record({ case: `${name}: ${rule} under ${cell.behaviour}`, ...cell });
      const accuracy = (behaviour: string) => percent(of(cells, behaviour)?.accuracy);
      return [
        rule,
        accuracy('none'),
        accuracy('silent'),
        worst === undefined ? '–' : `${percent(worst.accuracy)} (${worst.behaviour})`,
        accuracy('tailored'),
        percent(of(cells, 'class kill')?.recall),
        accuracy('drift'),
        accuracy('sleeper'),
        percent(of(cells, 'backdoor')?.backdoor),
        ...twoFaced.map(accuracy),
        seedsText(cells),
      ];
    }),
  );
}

/** What is deployed where there is a sample, against the bars; in points of balanced accuracy unless a row says else. */
function tableOfBars(part: Part, measured: readonly Measured[], report: Report): void {
  for (const deployed of measured) {
    if (!deployedRules.includes(deployed.rule)) continue;
    barsOf(deployed, part, measured, report);
  }
}

function barsOf(deployed: Measured, part: Part, measured: readonly Measured[], report: Report): void {
  const mean = measured.find(({ rule }) => rule === 'mean');
  const { cells } = deployed;
  const half = part.cover === 'half';
  const share = part.f / part.n;
  const silent = of(cells, 'silent')?.accuracy;
  const against = (behaviour: string, bar: number) =>
    row(behaviour, minus(of(cells, behaviour)?.accuracy, silent), bar);
  const adaptive = share > 0.3 ? undefined : share > 0.25 ? -5 : -3;
  const worst = worstKnown(cells);
  const together = measured.find(({ rule }) => rule === pooledRule);
  const inOnePlace =
    together === undefined ? '' : `, ${percent(of(together.cells, 'silent')?.recall)} with ${pooledRule}`;
  const rows: Row[] = [
    row(
      'nobody hostile, against the plain mean',
      minus(of(cells, 'none')?.accuracy, mean && of(mean.cells, 'none')?.accuracy),
      half ? -3 : -1,
    ),
    row(
      `worst known attack (${worst?.behaviour ?? 'none measured'}), against silent`,
      minus(worst?.accuracy, silent),
      share > 0.3 ? undefined : half ? -3 : -1,
    ),
    ...['tailored', 'drift', 'sleeper'].map((behaviour) =>
      adaptive === undefined
        ? row(`${behaviour}, against silent`, minus(of(cells, behaviour)?.accuracy, silent), undefined)
        : { ...against(behaviour, half ? Math.min(-3, adaptive) : adaptive), what: `${behaviour}, against silent` },
    ),
    {
      ...atLeast(
        `class kill: recall of the class (${percent(of(cells, 'silent')?.recall)} while silent${inOnePlace})`,
        of(cells, 'class kill')?.recall,
        0.9,
      ),
      // What honest holders and the sample do not reach by themselves no rule can hold.
      note: (of(cells, 'silent')?.recall ?? 1) < 0.9 ? '; honest holders alone do not reach it' : '',
    },
    ...recallWhereReached(cells),
    atMost('backdoor success, family in no sample', of(cells, 'backdoor')?.backdoor),
    ...twoFacedAttacks
      .filter((behaviour) => of(cells, behaviour))
      .map((behaviour) => ({
        ...against(behaviour, 0),
        what: `${behaviour}, against silent`,
        bar: '',
        met: undefined,
      })),
    ...(of(cells, familyInAttackSet)
      ? [
          atMost(
            'backdoor success, one honest attack set holds the family',
            of(cells, familyInAttackSet)?.backdoor,
            0.02,
          ),
        ]
      : []),
  ];
  barTable(`${deployed.rule}, f = ${part.f} of ${part.n}`, rows, report);
}

/** The same of the seeds on which the clusters that do not lie reach the bar by themselves. */
function recallWhereReached(cells: readonly Cell[]): Row[] {
  const [silent, killed] = [of(cells, 'silent'), of(cells, 'class kill')];
  if (silent?.recalls === undefined || killed?.recalls === undefined) return [];
  const reached = killed.recalls.filter((_, at) => (silent.recalls?.[at] ?? 0) >= 0.9);
  const seeds = `${reached.length} of ${killed.recalls.length} seeds`;
  const mean = reached.length === 0 ? undefined : reached.reduce((sum, each) => sum + each, 0) / reached.length;
  return [atLeast(`class kill, where honest holders alone reach it (${seeds})`, mean, 0.9)];
}

const deployedRules: readonly string[] = ['trusted weights', 'trusted weights, blind by contrast'];
