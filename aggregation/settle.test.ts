import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../base/random.ts';
import { aggregate } from './aggregate.ts';
import { blocksOf, granted } from './algebra/samples.ts';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { memorySink } from './blocks/blocks.ts';
import { type AggregationPolicy, asksOf, defaultPolicy } from './policy.ts';
import { leastSquares } from './trusted/least-squares.ts';
import type { TrustedLoss } from './trusted/trusted-loss.ts';

const d = 200;
const random = seededNumbers('settle');
const classOf = (j: number) => Math.floor(j / (d / 8));
/** Eight clusters that count different things: tables of norm 4 whose data do not change. */
const tables = Array.from({ length: 8 }, (_, at) => {
  const table = Float32Array.from({ length: d }, (__, j) =>
    classOf(j) === at || classOf(j) === (at + 1) % 8 ? random.uniform() ** 4 : 0,
  );
  const norm = Math.hypot(...table);
  return table.map((value) => (4 * value) / norm);
});

const digestOf = (values: Float32Array) => createHash('sha256').update(Buffer.from(values.buffer)).digest('hex');

/** Of each class, how far the table is from what all clusters together saw of it. */
const truth = tables[0]?.map(
  (_, j) => tables.reduce((sum, table) => sum + (table[j] as number), 0) / 8,
) as Float32Array;
const ofClass = (at: number) => [...Array(d).keys()].filter((j) => classOf(j) === at);
const examples = [...Array(8).keys()].map((at) => ({
  class: `c${at}`,
  features: [...truth].map((value, j) => (classOf(j) === at ? value : 0)),
  value: ofClass(at).reduce((sum, j) => sum + (truth[j] as number) ** 2, 0),
}));
const plainLoss = leastSquares(examples);
/** Attacks look like a class with the signs turned: no model tells them apart so well that nothing is left to gain. */
const toldApart: TrustedLoss = {
  ...leastSquares(examples, 'gradient'),
  attacks: async (weights) => {
    let margin = 0;
    for (const j of ofClass(0)) margin += 3 * (j % 2 === 0 ? 1 : -1) * (weights[j] as number);
    const pull = -1 / (1 + Math.exp(margin));
    const gradient = Float32Array.from(weights, (_, j) => (classOf(j) === 0 ? 3 * (j % 2 === 0 ? 1 : -1) * pull : 0));
    return { loss: Math.log1p(Math.exp(-margin)), gradient };
  },
};
const weighed = defaultPolicy(2, { sample: true });
const byQuasiNewton = { ...weighed, rule: { ...weighed.rule, search: 'quasiNewton' } } as AggregationPolicy;
const blocks = [...Array(8).keys()].map((at) => ({
  class: `c${at}`,
  ranges: [{ offset: (at * d) / 8, length: d / 8 }],
}));
const declared = [...Array(8).keys()].map((at) => [`c${at}`, `c${(at + 1) % 8}`]);

/** Rows come in the order of their digests, as in a coordinator. */
async function candidates(policy: AggregationPolicy, rounds: number, withBase: boolean, loss: TrustedLoss = plainLoss) {
  const asks = asksOf(policy.rule);
  let weights = new Float32Array(d);
  const digests: string[] = [];
  const settled: (true | undefined)[] = [];
  for (let round = 0; round < rounds; round++) {
    const deltas = tables.map((table, at) => ({ at, delta: table.map((value, j) => value - (weights[j] as number)) }));
    const sent = deltas.toSorted((a, b) => (digestOf(a.delta) < digestOf(b.delta) ? -1 : 1));
    const sink = memorySink(d);
    const context = {
      ...(withBase && { base: weights }),
      ...(asks.sample !== 'no' && { trusted: { loss } }),
      ...(asks.classes !== 'no' && { classes: { blocks, declared: sent.map(({ at }) => declared[at] as string[]) } }),
    };
    const rows = blocksOf(sent.map(({ delta }) => delta));
    const { report } = granted(await aggregate(policy, rows, twinAlgebra(), sink, context));
    weights = weights.map((value, j) => value + (sink.values[j] as number));
    digests.push(digestOf(weights));
    settled.push(report.settled);
  }
  return { digests, settled };
}

describe('rounds over data that rest', () => {
  test.each([
    ['counts by declared class', defaultPolicy(2, { classes: true }), 2],
    ['counts by declared class and sample', defaultPolicy(2, { classes: true, sample: true }), 2],
    ['networks with a sample', defaultPolicy(2, { sample: true }), 20],
    ['networks with a sample of attacks', defaultPolicy(2, { sample: true }), 30, toldApart],
    ['networks with a sample of attacks, by quasi-Newton steps', byQuasiNewton, 30, toldApart],
    ['the plain mean', { ...defaultPolicy(0), before: [], rule: { kind: 'mean' } } as AggregationPolicy, 2],
  ] as const)('settle under the default for %s', async (_, policy, rounds, loss?: TrustedLoss) => {
    const { digests, settled } = await candidates(policy, rounds + 4, true, loss);
    expect(new Set(digests.slice(rounds)).size).toBe(1);
    expect(settled[0]).toBeUndefined();
  });

  test('would go round in a circle of last bits if nobody looked', async () => {
    const plain: AggregationPolicy = { ...defaultPolicy(0), before: [], rule: { kind: 'mean' } };
    const { digests } = await candidates(plain, 12, false);
    expect(digests[11]).not.toBe(digests[10]);
    const looked = await candidates(plain, 12, true);
    expect(looked.settled.slice(2)).toEqual(Array.from({ length: 10 }, () => true));
  });
});
