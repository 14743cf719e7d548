import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { deltaOf } from '../../client/learning/delta.ts';
import { federate } from '../../lab/federation/federate.ts';
import { asLearnt, underAttack } from '../../lab/federation/sending.ts';

/** One cluster's work in one round: local weights from the base. */
export type LocalWork = (base: Float32Array, seed: number) => Float32Array;

export type Setting = Readonly<{
  clusters: readonly LocalWork[];
  rounds: number;
  policy: AggregationPolicy;
  algebra: LinearAlgebra;
  /** The first f clusters send what the attack makes of the honest deltas. */
  hostile?: Parameters<typeof underAttack>[1];
}>;

/** The global model after the last round, and how many rounds were refused; a refused round changes nothing. */
export async function federateFlows(
  initial: Float32Array,
  { clusters, rounds, policy, algebra, hostile }: Setting,
): Promise<Readonly<{ weights: Float32Array; refused: number }>> {
  const f = hostile?.f ?? 0;
  // Seeds count the clusters that work: the silence of the others changes nobody's draws.
  const workers = clusters.map((work, row) => (base: Float32Array, round: number) => {
    return deltaOf(work(base, 1_000 * (round - 1) + row - f), base);
  });
  const sending = hostile === undefined ? asLearnt(workers) : underAttack(workers, hostile);
  const seedOf = (round: number) => String(round - 1);
  const { weights, refusals } = await federate({ initial, rounds, sending, policy, algebra, seedOf });
  return { weights, refused: refusals.length };
}
