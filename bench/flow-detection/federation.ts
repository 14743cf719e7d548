import { aggregate } from '../../aggregation/aggregate.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';

/** One cluster's work in one round: local weights from the base. */
export type LocalWork = (base: Float32Array, seed: number) => Float32Array;

export type Setting = Readonly<{
  clusters: readonly LocalWork[];
  rounds: number;
  policy: AggregationPolicy;
  engine: AggregationEngine;
  /** The first f clusters send what the attack makes of the honest deltas. */
  hostile?: Readonly<{ attack: AttackName; f: number }>;
}>;

/** The global model after the last round, by the aggregation that the coordinator runs; a refused round changes nothing. */
export async function federate(
  initial: Float32Array,
  setting: Setting,
): Promise<Readonly<{ weights: Float32Array; refused: number }>> {
  const { clusters, rounds, policy, engine, hostile } = setting;
  let weights: Float32Array = initial;
  let refused = 0;
  for (let round = 0; round < rounds; round++) {
    const base = weights;
    const workers = clusters.slice(hostile?.f ?? 0);
    const honest = workers.map((work, index) => {
      const local = work(base, 1_000 * round + index);
      return local.map((value, at) => value - (base[at] as number));
    });
    const sent =
      hostile === undefined
        ? honest
        : [...(await attacks[hostile.attack]({ honest, f: hostile.f, seed: `round ${round}` })), ...honest];
    const sink = memorySink(base.length);
    const outcome = await aggregate(policy, unwrap(memoryBlocks(sent)), engine, sink, {
      seed: String(round),
      measure: false,
    });
    if (outcome.ok) weights = base.map((value, at) => value + (sink.values[at] as number));
    else refused++;
  }
  return { weights, refused };
}
