import { type AggregateSink, memorySink, spans } from './blocks/blocks.ts';
import type { LinearAlgebra } from './linear-algebra.ts';
import { carryOut, type Plan } from './updates.ts';

/**
 * A move of the model shorter than this share of its own length is what rounding deltas to float32 leaves (each value is off
 * by up to 2^-24 of itself); nothing was learnt.
 */
const resolution = 2 ** -20;
const columns = 65_536;

/**
 * Computes the plan, streams it to the sink and gives it back, shape [d]. Where `base` is known and the aggregate would
 * move it by less than float32 resolves, the model stays as it is: clusters whose data rest send what they sent, yet the last
 * bits of their deltas depend on the base, so that candidates would follow one another in a circle for ever.
 */
export async function carryOutSettled(
  algebra: LinearAlgebra,
  plan: Plan,
  sink: AggregateSink,
  d: number,
  base: Float32Array | undefined,
): Promise<Readonly<{ aggregated: Float64Array; settled: boolean }>> {
  const whole = memorySink(d);
  if (base === undefined) {
    await carryOut(algebra, plan, both(whole, sink));
    return { aggregated: whole.values, settled: false };
  }
  await carryOut(algebra, plan, whole);
  const moved = squaredLength(whole.values);
  const settled = moved > 0 && moved <= resolution ** 2 * squaredLength(base);
  if (settled) whole.values.fill(0);
  for (const [offset, count] of spans(d, columns)) await sink.write(offset, whole.values.slice(offset, offset + count));
  return { aggregated: whole.values, settled };
}

function squaredLength(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += (values[j] as number) ** 2;
  return sum;
}

function both(first: AggregateSink, second: AggregateSink): AggregateSink {
  return {
    async write(offset, values) {
      await first.write(offset, values);
      await second.write(offset, values);
    },
  };
}
