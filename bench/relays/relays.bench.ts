import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, median, secondsText } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { type RoundTimes, type Shape, Tree } from './tree.ts';

const full: Shape = { regions: 10, clusters: 20, d: 300_000 };
const small: Shape = { regions: 2, clusters: 3, d: 2_000 };

/** A tree of coordinators with everything on, from the root's invitation to its candidate. */
export const bench: Bench = {
  name: 'relays',
  summary: 'A root over ten relays of twenty clusters each, all of them processes: seconds from open to candidate.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const shape = options.small ? small : full;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'testudo-relays-'));
  const tree = await Tree.start(folder, shape).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  try {
    await tree.round();
    const worst = await tree.checkFirst();
    const others = startOthersMeter();
    const times: RoundTimes[] = [];
    for (let run = 0; run < (options.small ? 1 : options.repeat); run++) {
      await tree.settled();
      times.push(await tree.round());
    }
    tell(shape, times, worst, others() ?? Number.NaN, report);
  } finally {
    await tree.end();
    await rm(folder, { recursive: true });
  }
}

function tell(shape: Shape, times: readonly RoundTimes[], worst: number, busyCores: number, report: Report): void {
  const [seconds, regionSeconds] = [
    median(times.map((one) => one.seconds)),
    median(times.map((one) => one.regionSeconds)),
  ];
  const { regions, clusters, d } = shape;
  const name = `${regions} relays of ${clusters} clusters, d=${d}`;
  report.record({ case: name, ...shape, seconds, regionSeconds, runs: times, busyCores, worst });
  report.text(
    'One `testudo coordinator`, its relays and the clients’ processes on one machine; every coordinator with its journal, seals, receipts and releases. ' +
      'A round: the root invites, each relay opens its own, its clusters fetch, seal, sign and upload, the region’s rule runs, its candidate goes up sealed and signed, and the root’s rule runs; ' +
      'mixing and a trimmed mean on both levels, no local training. The first round is not counted: its model was held to what the rules give on the same rows in one process ' +
      `(largest difference ${figure(worst)} of values below 1). Median of ${times.length} more, each once every region has published what the root released.`,
  );
  report.table(
    [
      'tree',
      'from the root’s invitation to its candidate',
      'of it the slowest region',
      'best',
      'cores busy meanwhile, all of the machine',
    ],
    [
      [
        name,
        secondsText(seconds),
        secondsText(regionSeconds),
        secondsText(Math.min(...times.map((one) => one.seconds))),
        figure(busyCores),
      ],
    ],
  );
}
