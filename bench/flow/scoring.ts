/** Edges a second through everything that a cluster runs for each window: shared model, memory, calibration. */

import { seededRandom } from '../../base/random.ts';
import { learnFlowCluster } from '../../client/tracks/flow/cluster-state.ts';
import { FlowScorer } from '../../client/tracks/flow/flow-scorer.ts';
import { initialLinkModel, linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { type SampleCall, windowOf } from '../../client/tracks/flow/testing/sample-windows.ts';
import type { BenchOptions } from '../harness/bench.ts';
import { median, secondsOf } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

const stores = [5432, 6379, 8080, 9092, 27_017];

/** A made-up window: every workload calls some others, hubs more often. */
function callsBetween(workloads: number, edges: number, seed: number): SampleCall[] {
  const random = seededRandom(seed);
  const calls = new Map<string, SampleCall>();
  while (calls.size < edges) {
    const [client, server] = [Math.floor(random() * workloads), Math.floor(random() ** 2 * workloads)];
    if (client === server) continue;
    calls.set(`${client} ${server}`, {
      client: `w${client}`,
      server: `w${server}`,
      port: stores[server % stores.length] as number,
    });
  }
  return [...calls.values()];
}

export async function scoring(options: BenchOptions, report: Report): Promise<void> {
  const [workloads, edges] = options.small ? [100, 1_000] : [1_000, 20_000];
  const calls = callsBetween(workloads, edges, 1);
  const known = Math.floor(edges * 0.98);
  const learnt = [0, 1, 2].map((at) => windowOf(calls.slice(0, known), at));
  const window = windowOf(calls, 3);
  const rows: string[][] = [];
  for (const encoder of ['gcn', 'gat'] as const) {
    const spec = linkSpec(encoder);
    const scorer = new FlowScorer(spec, initialLinkModel(spec, 1), (reader) => learnFlowCluster(reader, learnt));
    const scores = scorer.score(window);
    if (scores.length !== edges || !scores.every(({ total }) => total >= 0))
      throw new Error('scoring: no score for an edge');
    const usual = Math.max(...scores.slice(0, known).map(({ total }) => total));
    if (!(Math.min(...scores.slice(known).map(({ total }) => total)) > usual))
      throw new Error('scoring: a new edge must score above known ones');
    const [took, used] = [[] as number[], [] as number[]];
    for (let round = 0; round < options.repeat; round++) {
      const before = process.cpuUsage();
      took.push(await secondsOf(() => void scorer.score(window)));
      const { user, system } = process.cpuUsage(before);
      used.push((user + system) / 1e6);
    }
    const figures = { edgesPerSecond: edges / median(took), edgesPerCpuSecond: edges / median(used) };
    report.record({
      case: `scoring ${encoder} workloads=${workloads} edges=${edges}`,
      seconds: median(took),
      ...figures,
    });
    rows.push([
      `${encoder.toUpperCase()}, ${workloads.toLocaleString('en')} workloads, ${edges.toLocaleString('en')} edges`,
      ...Object.values(figures).map((value) => Math.round(value).toLocaleString('en')),
    ]);
    scorer.close();
  }
  report.text(
    '## Scoring\n\nEdges of one window through the shared model, the memory and the calibration, on all of this process’s threads. Of processor time, whatever else the machine did meanwhile, is what one core makes.',
  );
  report.table(['window', 'edges a second', 'edges a second of processor time'], rows);
}
