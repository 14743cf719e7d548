import { vaccinate } from '../../client/antibodies/vaccinated-scorer.ts';
import { traceAntigens } from '../../client/tracks/syscall/traces/antigens.ts';
import type { Example } from '../../client/tracks/syscall/traces/example.ts';
import type { Antibody } from '../../proto/antibody.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import { confirmedOnce } from './catalogue.ts';
import { exampleOf, type Herd } from './herd.ts';

/** Calls a second of one cluster's model alone, and with 1, 13 and 64 antibodies, in turns; medians of so many repeats. */
export async function speed(herd: Herd, repeats: number, report: Report): Promise<void> {
  const [cluster] = herd.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  const all = confirmedOnce(herd, 20, 1).map(({ antibody }) => antibody);
  const examples = cluster.unseen.map(exampleOf);
  const calls = examples.reduce((sum, one) => sum + one.calls.length, 0);
  const antigensOf = (one: Example) => traceAntigens(one.calls);
  const sizes = [0, 1, 13, 64];
  const scorers = await Promise.all(
    sizes.map(async (size) => {
      const antibodies = Array.from({ length: size }, (_, at) => all[at % all.length] as Antibody);
      return (await vaccinate(cluster.open, { antigensOf }, antibodies, cluster.normal)).scorer;
    }),
  );
  const seconds = sizes.map((): number[] => []);
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [at, scorer] of scorers.entries()) {
      const before = process.cpuUsage();
      scorer.score(examples);
      const { user, system } = process.cpuUsage(before);
      if (repeat > 0) seconds[at]?.push((user + system) / 1e6);
    }
  }
  const medians = seconds.map(median);
  const alone = medians[0] as number;
  const rows = sizes.map((size, at) => {
    const own = medians[at] as number;
    const each = size === 0 ? Number.NaN : (own - (medians[1] as number)) / Math.max(1, size - 1) / alone;
    report.record({ case: `speed ${size}`, callsPerSecond: calls / own, ofModel: own / alone, each });
    return [
      String(size),
      `${(calls / own / 1e6).toFixed(2)} million`,
      (own / alone).toFixed(2),
      size < 2 ? '' : `${(each * 100).toFixed(2)} %`,
    ];
  });
  report.text(
    `## Speed

Calls a second of processor time, the model's scoring with local memory included (7 runs in turns, medians). The first antibody pays for finding a trace's features; each further one costs the last column.`,
  );
  report.table(['antibodies', 'calls a second', 'time, of the model alone', 'each further antibody'], rows);
}
