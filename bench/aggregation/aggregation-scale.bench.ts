import type { Bench, BenchOptions } from '../harness/bench.ts';
import { figure, secondsText } from '../harness/measure.ts';
import { findPeers } from '../harness/peers.ts';
import type { Report } from '../harness/report.ts';
import { plotCosts } from './plots.ts';
import { runOurFiles } from './process.ts';

export const bench: Bench = {
  name: 'aggregation-scale',
  summary: 'How aggregation grows: Krum over 10,000 updates that fit no memory, and what rules cost against n and d.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  await runFiles(options.small, report);
  if (options.small) return;
  const { peers, missing } = options.peers ? findPeers() : {};
  if (missing !== undefined) report.text(`Peers were not measured: ${missing}.`);
  await plotCosts(report, peers);
}

/** The case that fits no memory: measured once, from files, against the machine's multiplication peak. */
async function runFiles(small: boolean, report: Report): Promise<void> {
  const shape = small ? ['80', '16', '3000'] : ['10000', '2000', '300000'];
  const line = await runOurFiles(shape);
  report.record({ case: `from files: krum n=${shape[0]} f=${shape[1]} d=${shape[2]}`, ...line });
  const number = (field: string) => line[field] as number;
  report.table(
    ['case', 'seconds', 'peak RSS', 'promised', 'met', 'multiplication', 'of the measured peak', 'checked'],
    [
      [
        `krum n=${shape[0]} f=${shape[1]} d=${shape[2]} from ${figure(number('inputGib'))} GiB of files`,
        secondsText(number('seconds')),
        `${figure(number('peakRssMb'))} MiB`,
        '≤ 2048 MiB',
        number('peakRssMb') <= 2048 ? 'yes' : '**no**',
        `${figure(number('gflops'))} GFLOP/s`,
        `${figure(number('shareOfPeak') * 100)} % of ${figure(number('peakGflops'))} GFLOP/s`,
        `${line.checkedPairs} distances, worst ${figure(number('worstRelativeError'))} relative`,
      ],
    ],
  );
}
