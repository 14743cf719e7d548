import type { CaseLine, Report } from '../harness/report.ts';
import { keptTurns } from '../response-faults/kept.ts';
import { histories, killsOf } from '../response-faults/page.ts';
import { keptPiece, type Piece } from './pieces.ts';

type Case = CaseLine & Readonly<Record<string, number>>;
type Figure = readonly [figure: string, met: boolean];

/** A bar of the design, and what was measured of it: `of` reads the piece's cases, each found by how its name begins. */
type Goal = Readonly<{
  piece: string;
  what: string;
  bar: string;
  of(found: (name: string) => Case, piece: Piece): Figure;
}>;

const ours = ['Deployment, surge', 'Deployment, evict', 'StatefulSet', 'one replica, minAvailable 1'];
const oursOf = (kind: string) => `availability ${kind} / ours`;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
const twoPlaces = (value: number) => value.toFixed(2);
const atMost = (value: number, bar: number, text: (value: number) => string = String): Figure => [
  text(value),
  value <= bar,
];

const goals: readonly Goal[] = [
  {
    piece: 'availability',
    what: 'instants below a budget or floor, 200 rotations of each kind',
    bar: '0',
    of: (found) => {
      const cases = ours.slice(0, 3).map((kind) => found(oursOf(kind)));
      const below = cases.reduce((sum, one) => sum + of(one, 'below'), 0);
      return [
        `${below} of ${cases.map((one) => of(one, 'rotations')).join(', ')}`,
        below === 0 && cases.every((one) => of(one, 'rotations') >= 200),
      ];
    },
  },
  {
    piece: 'availability',
    what: 'capacity lost in surge mode',
    bar: '0 s',
    of: (found) => atMost(of(found(oursOf('Deployment, surge')), 'lostSeconds'), 0, (lost) => `${lost} s`),
  },
  {
    piece: 'availability',
    what: 'a single replica under `minAvailable: 1`, simulated',
    bar: '50, endpoint never empty',
    of: (found) => {
      const { rotations = 0, below = 1 } = found(oursOf('one replica, minAvailable 1'));
      return [`${rotations}, ${below} times empty`, rotations >= 50 && below === 0];
    },
  },
  {
    piece: 'real',
    what: 'the same on a real control plane',
    bar: '50, endpoint never empty',
    of: (found) => {
      const { single = 0, leastReadySingle = 0 } = found('real control plane');
      return [`${single}, at least ${leastReadySingle} ready`, single >= 50 && leastReadySingle >= 1];
    },
  },
  {
    piece: 'real',
    what: 'calls for each rotation, from the audit log',
    bar: '3',
    of: (found) => atMost(of(found('real control plane'), 'callsPerRotation'), 3, twoPlaces),
  },
  {
    piece: 'calls',
    what: 'calls for each quarantine, reads for evidence beside them',
    bar: '3',
    of: (found) => atMost(of(found('calls of a quarantine'), 'changes'), 3, twoPlaces),
  },
  {
    piece: 'idle',
    what: 'lists of an agent at rest',
    bar: '0',
    of: (found) => {
      const { lists = 1, minutes } = found('idle');
      return atMost(lists, 0, () => `${lists} in ${minutes} minutes`);
    },
  },
  {
    piece: 'idle',
    what: 'watches of one collection at rest',
    bar: '12 an hour',
    of: (found) => {
      const { mostWatches = 0, minutes = 1 } = found('idle');
      // A count of a few minutes is no finer than whole watches; a whole hour is client/response/idle-agent.test.ts.
      return [`${mostWatches} in ${minutes} minutes`, mostWatches <= Math.ceil((12 * minutes) / 60)];
    },
  },
  {
    piece: 'plan',
    what: 'a look at 1,000 pods of 100 workloads, p99',
    bar: '10 ms',
    of: (found) => {
      const { p99Ms = 0, p99CpuMs = 0 } = found('plan pods=1000');
      return atMost(p99Ms, 10, () => `${p99Ms.toFixed(1)} ms (${p99CpuMs.toFixed(1)} of the processor)`);
    },
  },
  {
    piece: 'idle',
    what: 'memory of the agent, 1,000 pods and 10,000 events, at its peak',
    bar: '150 MiB, aim 110',
    of: (found) => atMost(of(found('idle'), 'peakMiB'), 150, (mebibytes) => `${mebibytes.toFixed(0)} MiB`),
  },
  {
    piece: 'weight',
    what: 'the client of the API server alone',
    bar: '5 MiB, 20 ms',
    of: (found) => {
      const { mebibytes = 0, cpuMs = 0 } = found('weight');
      return [`${mebibytes.toFixed(1)} MiB, ${cpuMs.toFixed(0)} ms`, mebibytes <= 5 && cpuMs <= 20];
    },
  },
  {
    piece: 'watching',
    what: 'pods lost by a watch whose connection is cut',
    bar: '0 of 1,000; caught up in 2 s',
    of: (found) => {
      const { lost = 1, behindMs = 1e9, cuts = 0 } = found('watching');
      return [`${lost} of ${cuts}; ${seconds(behindMs)}`, lost === 0 && cuts >= 1_000 && behindMs <= 2_000];
    },
  },
  {
    piece: 'watching',
    what: 'the same where the API server is killed and forgets, from when the next one is ready',
    bar: '0 of 50; caught up in 2 s',
    of: (found) => {
      const { lost = 1, afterKillMs = 1e9, afterReadyMs = 0, kills = 0 } = found('watching');
      const worstMs = Math.max(afterKillMs, afterReadyMs);
      return [`${lost} of ${kills}; ${seconds(worstMs)}`, lost === 0 && kills >= 50 && worstMs <= 2_000];
    },
  },
  {
    piece: 'attacker',
    what: 'a 10-minute attacker who watches, bound twice the mean',
    bar: '0.83',
    of: (found) => {
      const share = of(found('attacker ours, bound 60'), 'strategic10');
      return [share.toFixed(2), Number(share.toFixed(2)) <= 0.83];
    },
  },
  {
    piece: 'foretelling',
    what: 'the same, bound four times the mean, by the law itself',
    bar: '0.73',
    of: (found) => {
      const share = of(found('foretelling bound=120'), 'attack10');
      return [share.toFixed(2), Number(share.toFixed(2)) <= 0.73];
    },
  },
  {
    piece: 'attacker',
    what: 'the same under schedules that delete at a random age, or go by age',
    bar: '(1.00)',
    of: (found) => {
      const shares = ['delete at', 'evict by age'].map((name) =>
        of(found(`attacker ${name}`), 'strategic10').toFixed(2),
      );
      return [shares.join(', '), shares.every((share) => share === '1.00')];
    },
  },
  {
    piece: 'foretelling',
    what: 'the best bettor with the log, over the law itself',
    bar: '1.1',
    of: (found) => {
      const bettor = Math.max(...[60, 120].map((bound) => of(found(`foretelling bound=${bound}`), 'bettor')));
      return atMost(bettor, 1.1, () => bettor.toFixed(3));
    },
  },
  {
    piece: 'foretelling',
    what: 'entropy of times, away from the law',
    bar: '0.3 bit',
    of: (found) => {
      const away = Math.max(
        ...[60, 120].map((bound) => {
          const { bits = 0, lawBits = 99 } = found(`foretelling bound=${bound}`);
          return Math.abs(bits - lawBits);
        }),
      );
      return atMost(away, 0.3, () => `${away.toFixed(2)} bit`);
    },
  },
  {
    piece: 'proof',
    what: 'one spared, one early and one late in 10,000',
    bar: 'all three named',
    of: (found, { cases }) => [`${of(found('proof'), 'found')} named`, cases[0]?.case === 'proof pods=10000'],
  },
  {
    piece: 'hottest',
    what: 'stay of an intruder, by what a fixed schedule leaves him',
    bar: '0.25',
    of: (found) => {
      const { oursMs = 1, fixedMs = 1 } = found('hottest first');
      return atMost(oursMs / fixedMs, 0.25, twoPlaces);
    },
  },
  {
    piece: 'quarantine',
    what: 'patch to out of the EndpointSlice, p99',
    bar: '1 s',
    of: (found) => atMost(of(found('quarantine'), 'outP99Ms'), 1_000, seconds),
  },
  {
    piece: 'quarantine',
    what: 'patch to the replacement, p99',
    bar: '2 s',
    of: (found) => atMost(of(found('quarantine'), 'replacedP99Ms'), 2_000, seconds),
  },
  {
    piece: 'quarantine',
    what: 'a model that flags every pod: the breaker is open',
    bar: '60 s, no more than the budget',
    of: (found) => {
      const { openedMs = 1e9, quarantined = 1, budget = 0 } = found('breaker');
      return [`${seconds(openedMs)}, ${quarantined} of ${budget}`, openedMs <= 60_000 && quarantined <= budget];
    },
  },
];

/** What no clock shows, each with the tests that hold it. */
const tests: readonly (readonly [what: string, test: string])[] = [
  [
    'two budgets, a budget at 0, a pending replacement, an unready pod, a rollout, a drain: refused with a reason, no eviction',
    'client/response/rotation/rotation.test.ts',
  ],
  [
    'the verdict on isolation: 500 random sets of policies, against an evaluator of another make',
    'client/response/quarantine/isolation.test.ts',
  ],
  ['evidence: every byte that is changed, every record that is left out', 'client/response/evidence/chain.test.ts'],
  ['the image: two builds, one digest', 'deploy/images/attached/attached.images.test.ts'],
  ['pods admitted as restricted, rights and what is denied', 'deploy/chart/agent.kube.test.ts'],
];

const of = (one: Case, name: string) => one[name] as number;

/** What stands on a page of its own. */
function campaigns(): string[][] {
  const { kills, rotation, quarantine } = keptTurns();
  const row = (
    what: string,
    count: number,
    wanted: number,
    turns: readonly Readonly<{ wrong: readonly string[] }>[],
  ) => {
    const broken = turns.reduce((sum, { wrong }) => sum + wrong.length, 0);
    return [what, `${broken} in ${count}`, `0 in ${wanted}`, broken === 0 && count >= wanted ? 'met' : '**not met**'];
  };
  return [
    row('broken promises: SIGKILLs of either side at each step', killsOf(kills), 500, kills),
    row(
      'histories of rotation with faults, pods over the bound without a reason among them',
      histories(rotation),
      10_000,
      rotation,
    ),
    row('histories of quarantine with faults', histories(quarantine), 10_000, quarantine),
  ].map(([what, ...rest]) => [`${what} ([response-faults.md](response-faults.md))`, ...rest] as string[]);
}

/** In the order of the page. */
export const pieceNames = [
  ...['availability', 'attacker', 'foretelling', 'proof', 'hottest', 'plan', 'real', 'idle', 'weight', 'watching'],
  ...['quarantine', 'calls', 'packets'],
];

/** The page of everything that was kept; what was not measured is said too. */
export function writePage(report: Report): void {
  const pieces = new Map(pieceNames.map((name) => [name, keptPiece(name)]));
  report.text(
    'Measured in pieces, each kept in `bench/results/rotation/` with its commit: the machine is shared, and the whole takes most of an hour. Ours and the other schedules are of one run each. ' +
      'Agents and API servers that are killed, and ten thousand histories: [response-faults.md](response-faults.md).',
  );
  report.table(
    ['what', 'figure', 'bar', ''],
    [
      ...goals.map(({ piece: name, what, bar, of: read }) => {
        const piece = pieces.get(name);
        if (piece === undefined) return [what, 'not measured', bar, ''];
        const find = (start: string) =>
          (piece.cases.find((one) => one.case.startsWith(start)) ?? { case: start }) as Case;
        const [figure, met] = read(find, piece);
        return [what, figure, bar, met ? 'met' : '**not met**'];
      }),
      ...campaigns(),
    ],
  );
  report.text('Held by tests, and not measured here:');
  report.table(
    ['what', 'test'],
    tests.map(([what, test]) => [what, `[\`${test.split('/').at(-1)}\`](../../${test})`]),
  );
  for (const piece of pieces.values()) {
    if (piece === undefined) continue;
    for (const line of piece.cases) report.record(line);
    for (const paragraph of piece.page) report.text(paragraph);
    report.text(`Measured on ${piece.measuredAt.slice(0, 10)} at ${piece.commit}.`);
  }
}
