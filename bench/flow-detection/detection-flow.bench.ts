import { linkSpec } from '../../client/tracks/flow/link/link-model.ts';
import { sampleCalls } from '../../client/tracks/flow/testing/sample-windows.ts';
import type { Bench, BenchOptions } from '../harness/bench.ts';
import { piecesOf } from '../harness/pieces.ts';
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

const { measurePiece, writePieces } = piecesOf('detection-flow');

type World = Readonly<{ topologies: readonly Topology[]; encoder: 'gcn' | 'gat'; effort: Effort }>;

/** In the order of the page. Each is measured by itself, since the whole takes long and machines are shared. */
const parts: Readonly<Record<string, (report: Report) => Promise<void> | void>> = {
  unseen: (report) => unseen(world(false, report), report),
  movement: (report) => movement(world(false), [[0], [1, 2, 3]], report),
  attacked: (report) => attacked(world(false), report),
  features: featureStudy,
};

async function run({ only, small }: BenchOptions, report: Report): Promise<void> {
  if (small) {
    await unseen(world(true), report);
    // The small size tries the second way of judging on one part of the topologies.
    return movement(world(true), [[0], [1]], report);
  }
  for (const [name, measure] of Object.entries(parts)) {
    if (only === undefined || only.split(',').includes(name)) await measurePiece(name, measure, report);
  }
  if (only === undefined || only === 'page') writePieces(Object.keys(parts), report);
}

/** Topologies and the encoder that is the better on a part of them; `report` hears of the choice. */
function world(isSmall: boolean, report?: Report): World {
  const real = isSmall ? [] : publicTopologies();
  // Where no public topology is at hand, applications are made up: figures then say that the code works, and no more.
  if (real.length === 0) report?.text('The public sets are not here: the topologies of this page are made up.');
  const topologies = real.length > 0 ? real : madeUp(isSmall ? 4 : 12);
  const effort = isSmall ? small : full;
  return { topologies, encoder: isSmall ? 'gcn' : chooseEncoder(topologies, effort, report), effort };
}

async function unseen({ topologies, encoder, effort }: World, report: Report): Promise<void> {
  await unseenTopologies(topologies, encoder, effort, report);
}

async function attacked({ topologies, encoder, effort }: World, report: Report): Promise<void> {
  await attackedTopologies(topologies, encoder, effort, report);
}

async function movement(
  { topologies, encoder, effort }: World,
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
