import { type AggregationContext, aggregate } from '../../aggregation/aggregate.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import type { LinearAlgebra } from '../../aggregation/linear-algebra.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import type { Fault } from '../../base/fault.ts';

/** What the clusters send in a round (from 1): one delta each, shape [d], in the order of the rows. `base` is left alone. */
export type Sending = (base: Float32Array, round: number) => Promise<readonly Float32Array[]>;

export type Federation = Readonly<{
  /** Shape [d]; left alone. */
  initial: Float32Array;
  rounds: number;
  sending: Sending;
  policy: AggregationPolicy;
  /** Stays open: whoever made it closes it. */
  algebra: LinearAlgebra;
  /** What the rule's own draws begin from in a round. */
  seedOf(round: number): string;
  /** What the coordinator would judge by beside the updates, the same in every round. */
  judging?: Pick<AggregationContext, 'trusted' | 'classes' | 'shape'>;
}>;

export type Federated = Readonly<{
  /** The global model after the last round, shape [d]. */
  weights: Float32Array;
  /** Why the policy refused a round, one for each that it refused; such a round changes nothing. */
  refusals: readonly Fault[];
}>;

/**
 * The rounds of a federation without the network between, one after another, by the aggregation that the coordinator runs.
 * Centred clipping starts from the last aggregate, as it does there. The same for the same sendings and seeds.
 */
export async function federate(federation: Federation): Promise<Federated> {
  const { initial, rounds, sending, policy, algebra, seedOf, judging = {} } = federation;
  let weights: Float32Array = Float32Array.from(initial);
  let start: Float64Array = new Float64Array(initial.length);
  const refusals: Fault[] = [];
  for (let round = 1; round <= rounds; round++) {
    const blocks = memoryBlocks(await sending(weights, round));
    const sink = memorySink(weights.length);
    const outcome = blocks.ok
      ? await aggregate(policy, blocks.value, algebra, sink, {
          seed: seedOf(round),
          start,
          base: weights,
          measure: false,
          ...judging,
        })
      : blocks;
    if (!outcome.ok) {
      refusals.push(outcome.fault);
      continue;
    }
    start = sink.values;
    weights = weights.map((value, at) => value + (sink.values[at] as number));
  }
  return { weights, refusals };
}
