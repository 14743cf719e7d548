import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { attackStudy } from './attack-study.ts';
import { publicSets } from './public-sets.ts';
import { recordedStudy } from './recorded-study.ts';
import { speedStudy } from './speed-study.ts';
import { type Cluster, chosenOn, recordedClusters, reported } from './world.ts';

export const bench: Bench = {
  name: 'detection-api',
  summary:
    'How well the api track tells attacks on interfaces from normal requests, beside plain detectors, honest and attacked, and how fast.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const clusters = await recordedClusters(options.small ? ['logistics'] : [...chosenOn, ...reported]);
  const wants = (part: string) => options.only === undefined || part.includes(options.only);
  if (wants('recorded')) recordedStudy(clusters, report);
  if (wants('speed')) await speedStudy(clusters[0] as Cluster, report, options.repeat);
  if (options.small) return;
  if (wants('attacked')) await attackStudy(clusters, report);
  if (wants('public sets')) await publicSets(report);
}
