import { aggregate } from '../aggregation/aggregate.ts';
import { memoryBlocks, memorySink } from '../aggregation/blocks/blocks.ts';
import { twinEngine } from '../aggregation/engines/twin-engine.ts';
import type { AggregationPolicy } from '../aggregation/policy.ts';
import { FaultError } from '../base/fault.ts';
import { deltaOf } from '../client/learning/delta.ts';
import type { Detector, Observed } from '../client/tracks/detector.ts';
import { forgedDelta } from './hostile.ts';

export type Training = Readonly<{ steps: number; batchSize: number; learningRate: number }>;

export type Simulation = Readonly<{
  detector: Detector;
  /** Cluster to what it learns from, in the order of their names. */
  clusters: ReadonlyMap<string, readonly Observed[]>;
  policy: AggregationPolicy;
  rounds: number;
  training: Training;
  /** Who lies, in the order of their attack schedules; nobody when empty. */
  hostile: readonly string[];
  seed: number;
}>;

/**
 * The rounds of a federation without the network between: the same detectors, deltas, attacks and rule as the main job's
 * processes use, one after another. Returns the global model after the last round. What the real run is compared with.
 */
export async function simulateFederation(simulation: Simulation): Promise<Float32Array> {
  const { detector, policy, rounds, seed } = simulation;
  const engine = twinEngine();
  let model = detector.init(seed);
  for (let round = 1; round <= rounds; round++) {
    const deltas = [...simulation.clusters].map(([name, traces]) =>
      submittedDelta(simulation, name, traces, model, round),
    );
    const source = memoryBlocks(deltas);
    if (!source.ok) throw new FaultError(source.fault);
    const sink = memorySink(model.length);
    const aggregated = await aggregate(policy, source.value, engine, sink, {
      seed: `${seed} ${round}`,
      measure: false,
    });
    if (!aggregated.ok) throw new FaultError(aggregated.fault);
    model = model.map((value, index) => value + (sink.values[index] as number));
  }
  return model;
}

function submittedDelta(
  { detector, training, hostile, seed }: Simulation,
  name: string,
  traces: readonly Observed[],
  model: Float32Array,
  round: number,
): Float32Array {
  const delta = deltaOf(detector.train(model, traces, { ...training, seed: seed + round }).weights, model);
  const attacker = hostile.indexOf(name);
  return attacker === -1 ? delta : forgedDelta(delta, attacker, round, seed);
}

/** What one party learns by itself from these traces, in the time that the federation takes. */
export function trainAlone(
  detector: Detector,
  traces: readonly Observed[],
  training: Training,
  rounds: number,
  seed: number,
): Float32Array {
  return detector.train(detector.init(seed), traces, { ...training, steps: training.steps * rounds, seed }).weights;
}

/** Averages whatever is finite: what a coordinator does that trusts everyone. */
export const plainAveraging: AggregationPolicy = {
  f: 0,
  admission: { normMax: 1e15, zeroUpdate: 'admit' },
  before: [],
  rule: { kind: 'mean' },
};
