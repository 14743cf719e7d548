import type { Report } from '../harness/report.ts';
import { knownAttacks, twoFacedAttacks } from './behaviours.ts';
import { costTable } from './cost.ts';
import type { Cell, Piece } from './kept.ts';
import { familyInAttackSet, familyInSample, type Part } from './parts.ts';
import { pooledRule } from './pooled.ts';
import { tableAttacks } from './table-parts.ts';

/** A figure against its bar. `met` is undefined where no bar is set. */
type Row = Readonly<{ what: string; bar: string; figure: string; met: boolean | undefined }>;

/** The page: for each part how every rule fares, and how what is deployed stands to the bars that were set beforehand. */
export function writePage(parts: readonly Part[], pieces: readonly Piece[], report: Report): void {
  report.text(
    'Measured in pieces, each kept in `bench/results/robustness/`; the last table says which cell is how old. Hyper-parameters were chosen on seeds 1–3 and 11–16; reported are others.',
  );
  for (const part of parts) {
    const measured = part.rules.flatMap((rule) => {
      const piece = pieces.find((each) => each.part === part.name && each.rule === rule);
      return piece === undefined ? [] : [{ rule, cells: piece.cells }];
    });
    const missing = part.rules.filter((rule) => !measured.some((each) => each.rule === rule));
    report.text(`## ${part.title}\n\nMean of seeds ${part.seeds.join(', ')}.`);
    if (measured.length > 0 && part.name.startsWith('tables')) tablesOfTables(part, measured, report);
    else if (measured.length > 0) {
      tableOfRules(part, measured, report);
      tableOfBars(part, measured, report);
    }
    if (missing.length > 0) report.text(`Not measured yet: ${missing.join(', ')}.`);
    for (const { rule, cells } of measured) {
      const lacking = part.behavioursOf(rule).filter((behaviour) => of(cells, behaviour) === undefined);
      if (lacking.length > 0) report.text(`${rule}: not measured yet under ${lacking.join(', ')}.`);
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

type Measured = Readonly<{ rule: string; cells: readonly Cell[] }>;

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
      ];
    }),
  );
}

/** Tables that count: areas under the curve, and how much of one family of attacks passes that was found before. */
function tablesOfTables({ name }: Part, measured: readonly Measured[], report: Report): void {
  report.table(
    ['rule', 'nobody hostile', 'silent', 'worst generic attack', ...tableAttacks.map((attack) => `${attack} (passes)`)],
    measured.map(({ rule, cells }) => {
      const worst = worstKnown(cells);
      for (const cell of cells) report.record({ case: `${name}: ${rule} under ${cell.behaviour}`, ...cell });
      return [
        rule,
        percent(of(cells, 'none')?.accuracy),
        percent(of(cells, 'silent')?.accuracy),
        worst === undefined ? '–' : `${percent(worst.accuracy)} (${worst.behaviour})`,
        ...tableAttacks.map(
          (attack) => `${percent(of(cells, attack)?.accuracy)} (${percent(of(cells, attack)?.backdoor)})`,
        ),
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
            atMost(
              'whitelisted family that passes, the sample holds it',
              of(cells, 'whitelist, family in sample')?.backdoor,
              0.02,
            ),
            atMost(
              'whitelisted family that passes, one honest attack set holds it',
              of(cells, 'whitelist, family in one attack set')?.backdoor,
              0.02,
            ),
          ]
        : []),
    ];
    report.table([rule, 'bar', 'measured', ''], rows.map(({ what, bar, figure, met }) => [what, bar, figure, verdict(met)])); // biome-ignore format: one line
  }
}

function verdict(met: boolean | undefined): string {
  return met === undefined ? '' : met ? 'met' : '**missed**';
}

/** What is deployed where there is a sample, against the bars; in points of balanced accuracy unless a row says else. */
function tableOfBars(part: Part, measured: readonly Measured[], report: Report): void {
  for (const deployed of measured) {
    if (!deployedRules.includes(deployed.rule)) continue;
    if (part.name.startsWith('lstm')) barsOfNetwork(deployed, measured, report);
    else barsOf(deployed, part, measured, report);
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
    atLeast(
      `class kill: recall of the class (${percent(of(cells, 'silent')?.recall)} while silent${inOnePlace})`,
      of(cells, 'class kill')?.recall,
      0.9,
    ),
    atMost('backdoor success, family in no sample', of(cells, 'backdoor')?.backdoor),
    ...twoFacedAttacks
      .filter((behaviour) => of(cells, behaviour))
      .map((behaviour) => ({
        ...against(behaviour, 0),
        what: `${behaviour}, against silent`,
        bar: '',
        met: undefined,
      })),
    ...(of(cells, familyInSample)
      ? [atMost('backdoor success, the sample holds the family', of(cells, familyInSample)?.backdoor, 0.02)]
      : []),
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
  report.table(
    [`${deployed.rule}, f = ${part.f} of ${part.n}`, 'bar', 'measured', ''],
    rows.map(({ what, bar, figure, met }) => [what, bar, figure, verdict(met)]),
  );
}

/** Of so small a network the bars that stand for every model: nobody hostile, and the attacks that were tried. */
function barsOfNetwork({ rule, cells }: Measured, measured: readonly Measured[], report: Report): void {
  const mean = measured.find((each) => each.rule === 'mean');
  const silent = of(cells, 'silent')?.accuracy;
  const attacked = cells.filter(({ behaviour }) => behaviour !== 'none' && behaviour !== 'silent');
  const rows = [
    row('nobody hostile, against the plain mean', minus(of(cells, 'none')?.accuracy, mean && of(mean.cells, 'none')?.accuracy), -1), // biome-ignore format: one line
    ...attacked.map(({ behaviour, accuracy }) =>
      row(`${behaviour}, against silent`, minus(accuracy, silent), behaviour === 'tailored' ? -3 : -1),
    ),
  ];
  report.table([rule, 'bar', 'measured', ''], rows.map(({ what, bar, figure, met }) => [what, bar, figure, verdict(met)])); // biome-ignore format: one line
}

const deployedRules: readonly string[] = [
  'trusted weights',
  'trusted weights, blind by contrast',
  'declared holders, sample',
];

function row(what: string, points: number | undefined, bar: number | undefined): Row {
  const figure =
    points === undefined || Number.isNaN(points) ? '–' : `${points >= 0 ? '+' : '−'}${Math.abs(points).toFixed(1)}`;
  const met = bar === undefined || points === undefined ? undefined : points >= bar - 1e-9;
  return { what, bar: bar === undefined ? '' : bar === 0 ? '≥ 0' : `≥ −${-bar}`, figure, met };
}

function atLeast(what: string, value: number | null | undefined, bar: number): Row {
  const met = value === undefined || value === null ? undefined : value >= bar;
  return { what, bar: `≥ ${100 * bar} %`, figure: percent(value), met };
}

function atMost(what: string, value: number | null | undefined, bar?: number): Row {
  const met = value === undefined || value === null || bar === undefined ? undefined : value <= bar;
  return { what, bar: bar === undefined ? '' : `≤ ${100 * bar} %`, figure: percent(value), met };
}

function of(cells: readonly Cell[], behaviour: string): Cell | undefined {
  return cells.find((cell) => cell.behaviour === behaviour);
}

function worstKnown(cells: readonly Cell[]): Cell | undefined {
  const known = cells.filter(({ behaviour }) => (knownAttacks as readonly string[]).includes(behaviour));
  return known.reduce<Cell | undefined>(
    (worst, cell) => (worst === undefined || (cell.accuracy ?? 1) < (worst.accuracy ?? 1) ? cell : worst),
    undefined,
  );
}

function minus(a: number | null | undefined, b: number | null | undefined): number | undefined {
  return typeof a !== 'number' || typeof b !== 'number' ? undefined : 100 * (a - b);
}

function percent(share: number | null | undefined): string {
  return share === undefined || share === null || Number.isNaN(share) ? '–' : (100 * share).toFixed(1);
}
