import type { Report } from '../harness/report.ts';
import { knownAttacks, twoFacedAttacks } from './behaviours.ts';
import { costTable } from './cost.ts';
import type { Cell, Piece } from './kept.ts';
import { familyInAttackSet, familyInSample, type Part } from './parts.ts';
import { pooledRule } from './pooled.ts';
import { tableAttacks } from './table-parts.ts';

/** A figure against its bar. `met` is undefined where no bar is set. */
type Row = Readonly<{ what: string; bar: string; figure: string; met: boolean | undefined; note?: string }>;

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
    else if (measured.length > 0) {
      tableOfRules(part, measured, report);
      tableOfBars(part, measured, report);
    }
    const { cannotRun } = part;
    if (cannotRun.length > 0) {
      const where = part.name.startsWith('tables') ? 'Refused where liars are silent' : 'Refused there';
      report.text(`${where}, n too small for f: ${cannotRun.join(', ')}.`);
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

/** Which seeds the figures of a row are means of: those of most, and which others have fewer. */
function seedsText(cells: readonly Cell[]): string {
  const bySeeds = [...Map.groupBy(cells, ({ seeds }) => seeds.join())].sort(([, a], [, b]) => b.length - a.length);
  const range = (seeds: readonly string[]) => (seeds.length > 1 ? `${seeds[0]}–${seeds.at(-1)}` : `${seeds[0]}`);
  return bySeeds
    .map(
      ([, own], at) =>
        `${at === 0 ? '' : `${own.map(({ behaviour }) => behaviour).join(', ')}: `}${range(own[0]?.seeds ?? [])}`,
    )
    .join('; ');
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

function barTable(title: string, rows: readonly Row[], report: Report): void {
  report.table(
    [title, 'bar', 'measured', ''],
    rows.map(({ what, bar, figure, met, note }) => [what, bar, figure, `${verdict(met)}${note ?? ''}`]),
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

/** Tables that count: areas under the curve, and how much of one family of attacks passes that was found before. */
function tablesOfTables({ name }: Part, measured: readonly Measured[], report: Report): void {
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
        ...tableAttacks.map(
          (attack) =>
            `${percent(of(cells, attack)?.accuracy)} (${percent(of(cells, attack)?.backdoor)}${countText(of(cells, attack))})`,
        ),
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

/** How many traces that share is of: one of few is much. */
function countText(cell: Cell | undefined): string {
  if (cell?.passes === undefined) return '';
  const sum = (count: 'pass' | 'found') => cell.passes?.reduce((total, each) => total + each[count], 0);
  return `: ${sum('pass')} of ${sum('found')}`;
}

function withCount(what: string, cell: Cell | undefined): Row {
  return { ...atMost(what, cell?.backdoor, 0.02), note: cell?.passes ? `${countText(cell)} traces` : '' };
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
    {
      ...atLeast(
        `class kill: recall of the class (${percent(of(cells, 'silent')?.recall)} while silent${inOnePlace})`,
        of(cells, 'class kill')?.recall,
        0.9,
      ),
      // What honest holders and the sample do not reach by themselves no rule can hold.
      note: (of(cells, 'silent')?.recall ?? 1) < 0.9 ? '; honest holders alone do not reach it' : '',
    },
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
  barTable(rule, rows, report);
}

const deployedRules: readonly string[] = [
  'trusted weights',
  'trusted weights, blind by contrast',
  'declared holders, sample',
];

function row(what: string, points: number | undefined, bar: number | undefined): Row {
  // As many digits as it takes to see on which side of the bar it is.
  const digits = points !== undefined && bar !== undefined && Math.abs(points - bar) < 0.05 ? 2 : 1;
  const figure =
    points === undefined || Number.isNaN(points)
      ? '–'
      : `${points >= 0 ? '+' : '−'}${Math.abs(points).toFixed(digits)}`;
  const met = bar === undefined || points === undefined ? undefined : points >= bar - 1e-9;
  return { what, bar: bar === undefined ? '' : bar === 0 ? '≥ 0' : `≥ −${-bar}`, figure, met };
}

function atLeast(what: string, value: number | null | undefined, bar: number): Row {
  const met = value === undefined || value === null ? undefined : value >= bar;
  return { what, bar: `≥ ${100 * bar} %`, figure: percent(value), met };
}

function atMost(what: string, value: number | null | undefined, bar?: number): Row {
  const met = value === undefined || value === null || bar === undefined ? undefined : value <= bar;
  const close = typeof value === 'number' && bar !== undefined && Math.abs(value - bar) < 0.0005;
  const figure = close ? (100 * value).toFixed(2) : percent(value);
  return { what, bar: bar === undefined ? '' : `≤ ${100 * bar} %`, figure, met };
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
