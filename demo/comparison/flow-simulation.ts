import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { trainLocally } from '../../client/learning/train-locally.ts';
import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { trainLinkModel } from '../../client/tracks/flow/link/link-training.ts';
import { trackKind } from '../../client/tracks/flow/track.ts';
import { graphOf } from '../flow/graph-of.ts';
import type { PreparedFlow } from '../flow/prepare.ts';
import { simulateRounds } from './simulation.ts';

/** As the clients' configuration has it. */
const gradientClipNorm = 1;

export type FlowSimulation = Readonly<{
  flow: PreparedFlow;
  policy: AggregationPolicy;
  hostile: readonly string[];
  seed: number;
}>;

/** The flow track's rounds without the network between, as `simulateFederation` does it for system calls. */
export async function simulateFlow({ flow, policy, hostile, seed }: FlowSimulation): Promise<Float32Array> {
  const { start, clusters, rounds, training } = flow;
  const work = (learnt: readonly NamedSlice[]) => (base: Float32Array, round: number) =>
    deltaOf(flow, base, learnt, seed + round, training.steps);
  const workers = new Map([...clusters].map(([name, { learnt }]) => [name, work(learnt)]));
  return await simulateRounds({ initial: start.init(seed), workers, policy, rounds, hostile, seed });
}

/** What one cluster learns by itself in the time that the federation takes. */
export async function trainFlowAlone(
  flow: PreparedFlow,
  windows: readonly NamedSlice[],
  seed: number,
): Promise<Float32Array> {
  const model = flow.start.init(seed);
  const delta = await deltaOf(flow, model, windows, seed, flow.training.steps * flow.rounds);
  return model.map((value, at) => value + (delta[at] as number));
}

/** All service graphs in one place, each a graph of its own: names of different clusters do not mix. */
export function trainFlowPooled({ start, clusters, training, rounds }: PreparedFlow, seed: number): Float32Array {
  const graphs = [...clusters.values()].map(({ learnt }) => graphOf(learnt));
  const { weights } = trainLinkModel(start.spec, start.init(seed), graphs, {
    seed,
    steps: training.steps * rounds,
    // Two draws of each graph in a step, as each client does.
    batchSize: 2 * graphs.length,
    learningRate: training.learningRate,
    clipNorm: gradientClipNorm,
  });
  return weights;
}

/** By the code that a client's training process runs. */
async function deltaOf(
  { start, training }: PreparedFlow,
  base: Float32Array,
  examples: readonly NamedSlice[],
  seed: number,
  steps: number,
): Promise<Float32Array> {
  const trained = await trainLocally({
    spec: start.spec,
    base,
    examples,
    hard: [],
    hardRepeats: 0,
    gradientClipNorm,
    plan: {
      seed,
      epochs: 1_000,
      stepsMax: steps,
      batchSize: training.batchSize,
      learningRate: training.learningRate,
      proximalMu: 0,
      clipNorm: 0,
      noiseMultiplier: 0,
    },
    kind: trackKind,
    unit: () => 0,
    mayGoOn: async () => true,
  });
  return unwrap(trained).delta;
}
