import { aggregate } from '../../aggregation/aggregate.ts';
import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { memoryBlocks, memorySink } from '../../aggregation/blocks/blocks.ts';
import type { AggregationEngine } from '../../aggregation/engine.ts';
import type { AggregationPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import type { Trace } from '../../client/events/trace.ts';
import type { Detector, TrainingOptions } from '../../client/tracks/detector.ts';

export type Setting = Readonly<{
  detector: Detector;
  /** Each cluster's own normal traces, in the order of the rows. */
  clusters: readonly (readonly Trace[])[];
  rounds: number;
  training: Omit<TrainingOptions, 'seed'>;
}>;

/** The plain mean of every cluster's delta: federated averaging, one step of the server a round. */
export async function averaged({ detector, clusters, rounds, training }: Setting): Promise<Float32Array> {
  let weights = detector.init(1);
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(weights.length);
    for (const [index, traces] of clusters.entries()) {
      const local = detector.train(weights, traces, { ...training, seed: round * 1_000 + index }).weights;
      for (let at = 0; at < next.length; at++)
        next[at] = (next[at] as number) + (local[at] as number) / clusters.length;
    }
    weights = Float32Array.from(next);
  }
  return weights;
}

export type Hostility = Readonly<{ attack: AttackName; rows: ReadonlySet<number> }>;

/**
 * Rounds of one policy, in process, with the aggregation that the coordinator runs. Hostile rows send what the attack
 * makes of the honest deltas instead of their own. `locals`: every cluster's local weights, which for gram tables do not
 * depend on the base. Undefined where the policy refuses the round: the federation then keeps the release that it has.
 */
export async function aggregated(
  locals: readonly Float32Array[],
  policy: AggregationPolicy,
  engine: AggregationEngine,
  rounds: number,
  hostility?: Hostility,
): Promise<Float32Array | undefined> {
  let weights = new Float32Array((locals[0] as Float32Array).length);
  for (let round = 0; round < rounds; round++) {
    const base = weights;
    const deltas = locals.map((local) => local.map((value, at) => value - (base[at] as number)));
    const sent = hostility === undefined ? deltas : await withHostile(deltas, hostility, round);
    const sink = memorySink(base.length);
    const blocks = unwrap(memoryBlocks(sent));
    const outcome = await aggregate(policy, blocks, engine, sink, { seed: String(round), measure: false });
    if (!outcome.ok) return undefined;
    weights = base.map((value, at) => value + (sink.values[at] as number));
  }
  return weights;
}

async function withHostile(deltas: readonly Float32Array[], { attack, rows }: Hostility, round: number) {
  const honest = deltas.filter((_, row) => !rows.has(row));
  const made = await attacks[attack]({ honest, f: rows.size, seed: `round ${round}` });
  const left = [...made];
  return deltas.map((delta, row) => (rows.has(row) ? (left.shift() as Float32Array) : delta));
}
