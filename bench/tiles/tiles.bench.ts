import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { memoryBlocks } from '../../aggregation/blocks/blocks.ts';
import { krum } from '../../aggregation/rules/krum.ts';
import { updatesOf } from '../../aggregation/updates.ts';
import { unwrap } from '../../base/fault.ts';
import type { AggregationResult } from '../../coordinator/candidate/job.ts';
import { defaultGrid, type TileGrid, tilesOfJob } from '../../coordinator/candidate/tiles/grid.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { lcgMatrix } from '../harness/lcg.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, secondsText } from '../harness/measure.ts';
import { piecesOf } from '../harness/pieces.ts';
import type { CaseLine, Report } from '../harness/report.ts';
import { runByWorkers } from './by-workers.ts';
import { type SealedRound, type Shape, sealRound } from './sealed-round.ts';

/** The last is what the design asks for, and takes the better part of an hour of two cores that do nothing else. */
const shapes: readonly Shape[] = [
  { n: 2_500, f: 500, d: 30_000 },
  { n: 2_500, f: 500, d: 300_000 },
  { n: 5_000, f: 1_000, d: 300_000 },
  { n: 10_000, f: 2_000, d: 300_000 },
];
const workerCounts = [1, 2, 4] as const;
const { measurePiece, keptPiece } = piecesOf('tiles');
/** With commas, so that none is a part of another. */
const nameOf = (shape: Shape) =>
  Object.entries(shape).reduce((name, [letter, count]) => `${name} ${letter}=${count.toLocaleString('en')}`, 'krum');
const pieceOf = (shape: Shape) => nameOf(shape).replaceAll(',', '').replaceAll(/[ =]/g, '-');

/** A measured run, as it is kept. */
type Line = CaseLine &
  Readonly<{
    how: string;
    seconds: number;
    cpuSeconds: number;
    peakMiB: number;
    tiles: readonly number[];
    busyCores: number;
    commit: string;
  }>;

/** What a round of tiles costs, and that it comes out the same to the bit whoever computes it. */
export const bench: Bench = {
  name: 'tiles',
  summary:
    'A round of thousands of sealed updates by 1, 2 and 4 worker processes over Redis, tile by tile: to the same bits as by one that computes it whole.',
  run,
};

async function run({ small, only }: BenchOptions, report: Report): Promise<void> {
  await inFolder((folder) => checkAgainstPlainRule(folder, report)); // The answer first, whatever is measured then.
  if (small) return;
  for (const shape of shapes) {
    if (only !== undefined && !nameOf(shape).includes(only)) continue;
    await measurePiece(pieceOf(shape), (piece) => inFolder((folder) => measured(folder, shape, piece)), report);
  }
  if (only === undefined || only === 'page') writePage(report);
}

async function inFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-tiles-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Few small updates in six tiles, held to Krum by the twin algebra on the rows themselves. */
async function checkAgainstPlainRule(folder: string, report: Report): Promise<void> {
  const shape = { n: 40, f: 8, d: 300 };
  const grid = { rows: 16, updatesMin: 20 };
  const rows = unwrap(memoryBlocks(lcgMatrix(shape.n, shape.f, shape.d)));
  const { selected } = unwrap(await krum(updatesOf(twinAlgebra(), rows), shape.f));
  const round = await sealRound(path.join(folder, 'data'), shape);
  for (const workers of [1, 2]) {
    const { result, tiles, jobs } = await runByWorkers(round, workers, grid);
    const [row, computed] = [round.rowOf.get(result.candidate), sumOf(tiles)];
    report.record({ case: `${nameOf(shape)}: ${workers} workers`, row, tiles: computed });
    if (row !== selected[0]) throw new Error(`expected row ${selected[0]} to the bit, got ${row ?? 'none of them'}`);
    expectTiles(round, grid, computed, jobs);
  }
}

async function measured(folder: string, shape: Shape, report: Report): Promise<void> {
  const round = await sealRound(path.join(folder, 'data'), shape);
  const whole: TileGrid = { rows: defaultGrid.rows, updatesMin: Number.POSITIVE_INFINITY };
  let expected: AggregationResult | undefined;
  for (const [workers, grid] of [[1, whole] as const, ...workerCounts.map((count) => [count, defaultGrid] as const)]) {
    const others = startOthersMeter();
    const { result, tiles, jobs, ...figures } = await runByWorkers(round, workers, grid);
    expected ??= result;
    if (result.candidate !== expected.candidate || result.provenance !== expected.provenance) {
      throw new Error(`${workers} workers: another candidate or provenance than one that computed it whole`);
    }
    const row = round.rowOf.get(result.candidate);
    if (row === undefined || row < shape.f) throw new Error(`expected an honest update to the bit, got row ${row}`);
    expectTiles(round, grid, sumOf(tiles), jobs);
    const how = grid === whole ? 'whole' : `${workers} ${workers === 1 ? 'worker' : 'workers'}`;
    const busyCores = others();
    report.record({ case: `${nameOf(shape)}: ${how}`, how, ...figures, tiles, row, busyCores, ...shape, ...result });
  }
}

/** Workers alone computed it, and all of its tiles; one twice where its worker was too slow to say that it lives. */
function expectTiles({ job }: SealedRound, grid: TileGrid, tiles: number, jobs: number): void {
  const wanted = tilesOfJob(job, grid).length;
  if (tiles < wanted || (wanted === 0 && tiles > 0)) throw new Error(`expected ${wanted} tiles, got ${tiles}`);
  if (jobs === 0) throw new Error('no worker said that it aggregated');
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function writePage(report: Report): void {
  const pieces = shapes.flatMap((shape) => keptPiece(pieceOf(shape)) ?? []);
  const missing = shapes.filter((shape) => keptPiece(pieceOf(shape)) === undefined).map(nameOf);
  report.text(
    'Sealed updates of lcg.py’s rows on a disk that the workers share; real `testudo worker` processes, a real redis-server, the grid of a ' +
      `coordinator: blocks of ${defaultGrid.rows.toLocaleString('en')} updates, a tile for each pair of blocks. Each tile opens the updates of its two blocks that its worker has not kept from an earlier one, and the round ` +
      'is aggregated by whichever worker is free, from the tiles. Every run ended in the same candidate and the same provenance, byte for byte, as the whole round by one worker without tiles; ' +
      'and Krum on 40 small updates, in six tiles by one and two workers, in what the plain rule chooses. One worker’s mathematics uses all cores: more of them on one machine are no faster. ' +
      'The runs follow each other: on a machine that others use, too, their seconds do not compare; those of the processor, of all workers together and from their start on, nearly do.',
  );
  if (missing.length > 0) report.text(`Not measured here: ${missing.join('; ')}.`);
  const lines = pieces.flatMap(({ cases, commit }) => cases.map((line) => ({ ...line, commit }) as Line));
  for (const line of lines) report.record(line);
  report.table(
    [
      'round',
      'computed',
      'seconds',
      'of the processor',
      'largest worker',
      'tiles of each worker',
      'cores busy meanwhile, all of the machine',
      'commit',
    ],
    lines.map((line) => [
      line.case.split(':')[0] as string,
      line.how,
      secondsText(line.seconds),
      secondsText(line.cpuSeconds),
      `${figure(line.peakMiB)} MiB`,
      line.tiles.join(' + '),
      figure(line.busyCores),
      line.commit,
    ]),
  );
}
