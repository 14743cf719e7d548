import { linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { sampleCalls } from '../../client/tracks/flow/testing/sample-windows.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import type { Report } from '../harness/report.ts';
import { featureStudy } from './feature-study.ts';
import {
  attackedTopologies,
  chooseEncoder,
  type Effort,
  federatedWeights,
  partOf,
  unseenTopologies,
} from './link-study.ts';
import { deployed, movementTable, scoreWork } from './movement-study.ts';
import { publicTopologies, type Topology, topologyOf } from './topologies.ts';
import { injectedWork, recordedWork } from './windows.ts';

export const bench: Bench = {
  name: 'detection-flow',
  summary:
    'How well the flow track tells unlikely edges of service graphs: on topologies it never saw, in recorded and injected lateral movement, honest and attacked, beside every simple baseline.',
  run,
};

const full: Effort = {
  pooledSteps: 300,
  rounds: 20,
  localSteps: 6,
  localOnlySteps: 100,
  attackRounds: 3,
  attackSteps: 4,
};
const small: Effort = {
  pooledSteps: 3,
  rounds: 2,
  localSteps: 1,
  localOnlySteps: 2,
  attackRounds: 1,
  attackSteps: 1,
};

async function run(options: BenchOptions, report: Report): Promise<void> {
  const real = options.small ? [] : publicTopologies();
  // Where no public topology is at hand, applications are made up: figures then say that the code works, and no more.
  const topologies = real.length > 0 ? real : madeUp(options.small ? 4 : 12);
  if (real.length === 0) report.text('The public sets are not here: the topologies of this page are made up.');
  const wants = (part: string) => options.only === undefined || part.includes(options.only);
  const effort = options.small ? small : full;
  const encoder = options.small ? 'gcn' : chooseEncoder(topologies, effort, report);
  if (wants('unseen')) await unseenTopologies(topologies, encoder, effort, report);
  // The small size tries the second way of judging on one part of the topologies.
  const parts = options.small ? [[0], [1]] : [[0], [1, 2, 3]];
  if (wants('movement')) await movement(topologies, encoder, effort, parts, report);
  if (options.small) return;
  if (wants('attacked')) await attackedTopologies(topologies, encoder, effort, report);
  if (wants('features')) await featureStudy(report);
}

async function movement(
  topologies: readonly Topology[],
  encoder: 'gcn' | 'gat',
  effort: Effort,
  tested: readonly (readonly number[])[],
  report: Report,
): Promise<void> {
  const spec = linkSpec(encoder);
  report.text(
    `## Lateral movement

What a cluster runs: the federated model as a prior, its own memory of pairs and services as evidence. Every detector judges every edge of every window after learning. Among *unseen pairs* a memory alone is blind: only there does the shared model decide.`,
  );
  const everybody = await federatedWeights(encoder, topologies, effort);
  const recorded = scoreWork(spec, everybody, recordedWork());
  report.text(
    `**Recorded** (simulated intrusions in eleven small clusters, which are not among those learnt from; windows of five seconds, about 55 seconds to learn from). Requests from outside that trigger an intrusion look like any request: no detector of edges can tell them, and they are given for honesty.`,
  );
  const areas = movementTable('recorded, between services', recorded, ({ way }) => way === 'inside', report);
  if (!((areas[deployed] ?? 0) > Math.max(0.97, areas['seen pair'] ?? 1))) {
    throw new Error(
      `recorded lateral movement: what is deployed must beat the seen pair, got ${JSON.stringify(areas)}`,
    );
  }
  movementTable('recorded, outwards', recorded, ({ way }) => way === 'outwards', report);
  movementTable('recorded, inwards', recorded, ({ way }) => way === 'inwards', report);
  report.text(
    `**Injected**: three hops from a workload taken to be compromised, to workloads that the one before never calls, in half of the windows of each topology; 15 % of the benign edges begin only after learning. The shared model learnt from other topologies only. Validation part and test parts apart.`,
  );
  for (const [which, parts] of tested.entries()) {
    const scored = [];
    for (const part of parts) {
      const { judged, learnt } = partOf(topologies, part);
      const weights = await federatedWeights(encoder, learnt, effort);
      scored.push(
        ...scoreWork(
          spec,
          weights,
          judged.map((each, at) => injectedWork(each, 500 + 100 * part + at)),
        ),
      );
    }
    movementTable(which === 0 ? 'injected, validation' : 'injected, test', scored, () => true, report);
  }
}

function madeUp(count: number): Topology[] {
  return Array.from({ length: count }, (_, seed) => topologyOf(`made-up-${seed}`, sampleCalls(seed + 1)));
}
