import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { figure, median, secondsText } from '../harness/measure.ts';
import { piecesOf } from '../harness/pieces.ts';
import type { CaseLine, Report } from '../harness/report.ts';
import { type RoundTimes, type Shape, Tree } from './tree.ts';

/** The larger model's uploads come in one burst of a quarter of a gigabyte: on a machine with other work its peers are too slow. */
const shapes: readonly Shape[] = [
  { regions: 10, clusters: 20, d: 30_000 },
  { regions: 10, clusters: 20, d: 300_000 },
];
const smallShape: Shape = { regions: 2, clusters: 3, d: 2_000 };
const { measurePiece, keptPiece } = piecesOf('relays');
const nameOf = ({ regions, clusters, d }: Shape) =>
  `${regions} relays of ${clusters} clusters, d=${d.toLocaleString('en')}`; // One is no part of another.
const pieceOf = ({ d }: Shape) => `d-${d}`;

/** A measured tree, as it is kept. */
type Line = CaseLine &
  Readonly<{
    seconds: number;
    regionSeconds: number;
    best: number;
    runs: readonly RoundTimes[];
    worst: number;
    load: number;
    commit: string;
  }>;

/** A tree of coordinators with everything on, from the root's invitation to its candidate. */
export const bench: Bench = {
  name: 'relays',
  summary: 'A root over ten relays of twenty clusters each, all of them processes: seconds from open to candidate.',
  run,
};

async function run({ small, only, repeat }: BenchOptions, report: Report): Promise<void> {
  if (small) return inFolder((folder) => measured(folder, smallShape, 1, report));
  for (const shape of shapes) {
    if (only !== undefined && !nameOf(shape).includes(only)) continue;
    await measurePiece(pieceOf(shape), (piece) => inFolder((folder) => measured(folder, shape, repeat, piece)), report);
  }
  if (only === undefined || only === 'page') writePage(report);
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-relays-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, maxRetries: 5 });
  }
}

async function measured(folder: string, shape: Shape, repeat: number, report: Report): Promise<void> {
  const tree = await Tree.start(folder, shape);
  try {
    await tree.round();
    const worst = await tree.checkFirst();
    const runs: RoundTimes[] = [];
    for (let run = 0; run < repeat; run++) {
      await tree.settled();
      runs.push(await tree.round());
    }
    const [seconds, regionSeconds] = [
      median(runs.map((one) => one.seconds)),
      median(runs.map((one) => one.regionSeconds)),
    ];
    const best = Math.min(...runs.map((one) => one.seconds));
    report.record({ case: nameOf(shape), ...shape, seconds, regionSeconds, best, runs, load: os.loadavg()[1], worst });
  } finally {
    await tree.end();
  }
}

function writePage(report: Report): void {
  const pieces = shapes.flatMap((shape) => keptPiece(pieceOf(shape)) ?? []);
  const missing = shapes.filter((shape) => keptPiece(pieceOf(shape)) === undefined).map(nameOf);
  report.text(
    'One `testudo coordinator`, its relays and the clients’ processes on one machine; every coordinator with its journal, seals, receipts and releases. ' +
      'A round: the root invites, each relay opens its own, its clusters fetch, seal, sign and upload, the region’s rule runs, its candidate goes up sealed and signed, and the root’s rule runs; ' +
      'mixing and a trimmed mean on both levels, no local training. The first round is not counted: its model was held to what the rules give on the same rows in one process. ' +
      'Medians of the rounds after it, each once every region has published what the root released. A load average far above the number of cores ' +
      'says that others worked on the machine, too: then the figure is what the tree took among them.',
  );
  if (missing.length > 0) report.text(`Not measured here: ${missing.join('; ')}.`);
  const lines = pieces.flatMap(({ cases, commit }) => cases.map((line) => ({ ...line, commit }) as Line));
  for (const line of lines) report.record(line);
  report.table(
    [
      'tree',
      'from the root’s invitation to its candidate',
      'best of',
      'of it the slowest region',
      'largest difference of the first model',
      'load average of the machine then',
      'commit',
    ],
    lines.map((line) => [
      line.case,
      secondsText(line.seconds),
      `${line.runs.length}: ${secondsText(line.best)}`,
      secondsText(line.regionSeconds),
      figure(line.worst),
      figure(line.load),
      line.commit,
    ]),
  );
}
