import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { FaultError, unwrap } from '../../base/fault.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import type { Detector, Observed } from '../../client/tracks/detector.ts';
import { readSample } from '../../client/tracks/syscall/trusted/sample.ts';
import { openSampleLoss } from '../../client/tracks/syscall/trusted/sample-loss.ts';
import { type Federation, federate } from '../../lab/federation/federate.ts';
import { asLearnt, type Worker } from '../../lab/federation/sending.ts';
import { forging } from '../../lab/hostile/schedule.ts';
import { classBlocksOf } from '../../proto/class-blocks.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Training } from '../prepare.ts';

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
  /** The trusted sample, where the rule takes one. */
  sample?: Uint8Array | undefined;
}>;

/**
 * The rounds of a federation without the network between: the same detectors, deltas, attacks and rule as the main job's
 * processes use. Returns the global model after the last round; throws when a round is refused. What the real run is
 * compared with.
 */
export async function simulateFederation(simulation: Simulation): Promise<Float32Array> {
  const { detector, clusters, policy, rounds, training, hostile, seed, sample } = simulation;
  const work = (traces: readonly Observed[]) => (base: Float32Array, round: number) =>
    deltaOf(detector.train(base, traces, { ...training, seed: seed + round }).weights, base);
  const workers = new Map([...clusters].map(([name, traces]) => [name, work(traces)]));
  const initial = detector.init(seed);
  // A coordinator that trusts everyone looks at nothing.
  const judging = policy === plainAveraging ? {} : await judgingOf(detector.spec, clusters, initial, sample);
  return await simulateRounds({ initial, workers, policy, rounds, hostile, seed, judging });
}

/** As the coordinator's workers find it: blocks by class and their shape from the spec, the sample as it was put. */
async function judgingOf(
  spec: ModelSpec,
  clusters: Simulation['clusters'],
  initial: Float32Array,
  sample: Uint8Array | undefined,
): Promise<NonNullable<Rounds['judging']>> {
  const layout = classBlocksOf(spec);
  if (layout === undefined) return {};
  const blocks = layout.blocks.map(({ className, offset, length }) => ({
    class: className,
    ranges: [{ offset, length }],
  }));
  const declared = [...clusters.values()].map((traces) => [...new Set(traces.map(({ service }) => service))]);
  const content = sample && unwrap(await readSample(sample));
  const loss = content && (await openSampleLoss(spec, content, initial));
  return {
    classes: { blocks, declared },
    ...(layout.tableNorm !== undefined && { shape: { norm: layout.tableNorm, tolerance: 0.02 } }),
    ...(loss && { trusted: { loss } }),
  };
}

export type Rounds = Readonly<{
  initial: Float32Array;
  /** Cluster to what it does in a round, in the order of their names. */
  workers: ReadonlyMap<string, Worker>;
  judging?: Federation['judging'];
}> &
  Pick<Simulation, 'policy' | 'rounds' | 'hostile' | 'seed'>;

/** Rounds of any track, in which the hostile forge what they learnt. Throws when a round is refused. */
export async function simulateRounds(simulation: Rounds): Promise<Float32Array> {
  const { initial, workers, policy, rounds, hostile, seed, judging } = simulation;
  const all = [...workers].map(([name, work]) => {
    const attacker = hostile.indexOf(name);
    return attacker === -1 ? work : forging(work, attacker, seed);
  });
  const { weights, refusals } = await federate({
    initial,
    rounds,
    sending: asLearnt(all),
    policy,
    algebra: twinAlgebra(),
    seedOf: (round) => `${seed} ${round}`,
    ...(judging && { judging }),
  });
  const [refusal] = refusals;
  if (refusal !== undefined) throw new FaultError(refusal);
  return weights;
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
