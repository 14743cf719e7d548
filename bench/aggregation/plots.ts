import { linePlot } from '../../lab/plot.ts';
import type { Peers } from '../harness/peers.ts';
import type { Report } from '../harness/report.ts';
import { runOurCase } from './process.ts';

type Point = Readonly<{ n: number; d: number; seconds: number; contender: string }>;

const contenders = [
  { rule: 'krum', peer: undefined },
  { rule: 'median', peer: undefined },
  { rule: 'krum', peer: 'byzfl' },
  { rule: 'krum', peer: 'flower-legacy' },
  { rule: 'median', peer: 'byzfl' },
] as const;

/** Two plots: what Krum and the median cost as n grows with d = 100,000, and as d grows with n = 50. */
export async function plotCosts(report: Report, peers: Peers | undefined): Promise<void> {
  const measure = async (n: number, d: number): Promise<Point[]> => {
    const points: Point[] = [];
    for (const { rule, peer } of contenders) {
      const args = [n, Math.floor(n / 5), d].map(String).concat('--rule', rule, '--repeat', '3', '--no-check');
      const line = peer === undefined ? await runOurCase(args) : await peers?.run('krum.py', [...args, '--peer', peer]);
      if (line === undefined) continue;
      const point = { n, d, seconds: line.seconds as number, contender: `${peer ?? 'testudo'} ${rule}` };
      report.record({ case: `cost ${point.contender} n=${n} d=${d}`, ...point });
      points.push(point);
    }
    return points;
  };
  const byN: Point[] = [];
  for (const n of [10, 20, 50, 100, 200, 400]) byN.push(...(await measure(n, 100_000)));
  const byD: Point[] = [];
  for (const d of [10_000, 30_000, 100_000, 300_000, 1_000_000]) byD.push(...(await measure(50, d)));

  const seconds = { field: 'seconds', title: 'seconds', log: true };
  const nAxis = { field: 'n', title: 'updates, n (d = 100,000)', log: true };
  const dAxis = { field: 'd', title: 'values per update, d (n = 50)', log: true };
  const shared = { y: seconds, series: 'contender' };
  report.plot(
    'aggregation-n.svg',
    await linePlot({ title: 'Cost against n', x: nAxis, ...shared, rows: byN }),
    'Seconds against the number of updates',
  );
  report.plot(
    'aggregation-d.svg',
    await linePlot({ title: 'Cost against d', x: dAxis, ...shared, rows: byD }),
    'Seconds against the length of an update',
  );
}
