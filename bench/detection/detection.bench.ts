import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { attacked } from './attack-study.ts';
import { languageModel } from './language-model-study.ts';
import { publicSets } from './public-sets.ts';
import { leftOut, recorded } from './recorded-study.ts';
import { recordedWorld } from './world.ts';

export const bench: Bench = {
  name: 'detection',
  summary:
    'How well the syscall track tells intrusions from normal work: alone and federated, in clusters it knows and does not know, honest and attacked.',
  run,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const world = await recordedWorld(options.small ? ['c01', 'c03'] : undefined);
  const wants = (part: string) => options.only === undefined || part.includes(options.only);
  if (wants('recorded')) await recorded(world, report);
  if (options.small) return;
  if (wants('left out')) leftOut(world, report);
  if (wants('attacked')) await attacked(world, report);
  if (wants('language model')) await languageModel(world, report);
  if (wants('public sets')) await publicSets(report);
}
