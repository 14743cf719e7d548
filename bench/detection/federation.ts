import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import type { Trace } from '../../client/events/trace.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import type { Detector, TrainingOptions } from '../../client/tracks/detector.ts';
import { federate } from '../../lab/federation/federate.ts';
import { plainMean } from '../../lab/federation/plain-mean.ts';
import { asLearnt, underAttack } from '../../lab/federation/sending.ts';

export type Setting = Readonly<{
  detector: Detector;
  /** Each cluster's own normal traces, in the order of the rows. */
  clusters: readonly (readonly Trace[])[];
  rounds: number;
  training: Omit<TrainingOptions, 'seed'>;
}>;

/** The plain mean of every cluster's delta: federated averaging, one step of the server a round. */
export async function averaged(
  { detector, clusters, rounds, training }: Setting,
  algebra: LinearAlgebra,
): Promise<Float32Array> {
  const workers = clusters.map((traces, index) => (base: Float32Array, round: number) => {
    const seed = (round - 1) * 1_000 + index;
    return deltaOf(detector.train(base, traces, { ...training, seed }).weights, base);
  });
  const initial = detector.init(1);
  const { weights } = await federate({
    initial,
    rounds,
    sending: asLearnt(workers),
    policy: plainMean,
    algebra,
    seedOf,
  });
  return weights;
}

/**
 * Rounds of one policy, in process. Hostile rows send what the attack makes of the honest deltas instead of their own.
 * `locals`: every cluster's local weights, which for gram tables do not depend on the base. Undefined where the policy
 * refuses a round: the federation then keeps the release that it has.
 */
export async function aggregated(
  locals: readonly Float32Array[],
  policy: AggregationPolicy,
  algebra: LinearAlgebra,
  rounds: number,
  hostile?: Parameters<typeof underAttack>[1],
): Promise<Float32Array | undefined> {
  const workers = locals.map((local) => (base: Float32Array) => deltaOf(local, base));
  const sending = hostile === undefined ? asLearnt(workers) : underAttack(workers, hostile);
  const initial = new Float32Array((locals[0] as Float32Array).length);
  const { weights, refusals } = await federate({ initial, rounds, sending, policy, algebra, seedOf });
  return refusals.length > 0 ? undefined : weights;
}

function seedOf(round: number): string {
  return String(round - 1);
}
