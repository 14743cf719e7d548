import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { twinAlgebra } from '../../aggregation/algebra/twin-algebra.ts';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import { federate } from './federate.ts';
import { plainMean } from './plain-mean.ts';
import { asLearnt, remembering, underAttack, type Worker } from './sending.ts';

const algebra = twinAlgebra();
const seedOf = (round: number) => String(round);
const towards =
  (...target: number[]): Worker =>
  (base) =>
    Float32Array.from(target, (value, at) => value - (base[at] as number));

describe('federate', () => {
  it('moves by the aggregate of each round, from the model that the round before left', async () => {
    const halfway = (base: Float32Array) => base.map((value) => (8 - value) / 2);
    const { weights } = await federate({
      initial: Float32Array.of(0, 4),
      rounds: 2,
      sending: asLearnt([halfway, halfway]),
      policy: plainMean,
      algebra,
      seedOf,
    });
    expect([...weights]).toEqual([6, 7]);
  });

  it('keeps the model through a refused round, says why, and goes on', async () => {
    const initial = Float32Array.of(1, 2);
    const { weights, refusals } = await federate({
      initial,
      rounds: 3,
      sending: async (base, round) =>
        round === 2 ? [] : [towards(base[0] as number, 10)(base, round) as Float32Array],
      policy: { ...plainMean, admission: { ...plainMean.admission, zeroUpdate: 'admit' } },
      algebra,
      seedOf,
    });
    expect([...weights]).toEqual([1, 10]);
    expect(refusals).toHaveLength(1);
    expect([...initial]).toEqual([1, 2]);
  });

  it('starts centred clipping from the last aggregate, as the coordinator does', async () => {
    const policy: AggregationPolicy = { ...plainMean, rule: { kind: 'centredClipping', radius: 1, steps: 1 } };
    const one = { initial: Float32Array.of(0), sending: asLearnt([() => Float32Array.of(3)]), policy, algebra, seedOf };
    // The first round goes one radius from zero; the second one radius from there: 1, then 1 + 2.
    expect([...(await federate({ ...one, rounds: 1 })).weights]).toEqual([1]);
    expect([...(await federate({ ...one, rounds: 2 })).weights]).toEqual([3]);
  });

  it('gives the same model whatever the order of the clusters, and the same again', async () => {
    const rows = fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 3, maxLength: 3 }), {
      minLength: 5,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(rows, async (targets) => {
        const policy: AggregationPolicy = {
          ...defaultPolicy(1),
          before: [],
          rule: { kind: 'coordinateMedian' },
          admission: { normMax: 1e6, zeroUpdate: 'admit' },
        };
        const run = (order: readonly number[][]) => {
          const sending = asLearnt(order.map((target) => towards(...target)));
          return federate({ initial: new Float32Array(3), rounds: 2, sending, policy, algebra, seedOf });
        };
        const found = await run(targets);
        expect(found.refusals).toEqual([]);
        expect(await run(targets)).toEqual(found);
        expect(await run(targets.toReversed())).toEqual(found);
      }),
      { numRuns: 30 },
    );
  });
});

describe('underAttack', () => {
  it('puts what the attack makes of the honest deltas first, and asks no hostile cluster to work', async () => {
    const asked: number[] = [];
    const workers = [0, 1, 2, 3, 4].map(
      (row): Worker =>
        () => {
          asked.push(row);
          return Float32Array.of(row, 1);
        },
    );
    const sent = await underAttack(workers, { attack: 'sign flip', f: 2 })(new Float32Array(2), 1);
    expect(asked).toEqual([2, 3, 4]);
    expect(sent.map((delta) => [...delta])).toEqual([
      [-3, -1],
      [-3, -1],
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });
});

describe('remembering', () => {
  it('works once for each round and base, and hands out what nobody changed', async () => {
    const asked: [number, number][] = [];
    const work = remembering((base, round) => {
      asked.push([round, base[0] as number]);
      return Float32Array.of(10 * round + (base[0] as number));
    });
    const first = await work(Float32Array.of(1), 1);
    first[0] = -1;
    const again = await work(Float32Array.of(1), 1);
    again[0] = -2;
    expect([...(await work(Float32Array.of(1), 1))]).toEqual([11]);
    expect([...(await work(Float32Array.of(2), 1))]).toEqual([12]);
    expect([...(await work(Float32Array.of(1), 2))]).toEqual([21]);
    expect(asked).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ]);
  });

  it('knows a base by its values, whatever becomes of the array', async () => {
    const work = remembering((base) => base.map((value) => value + 1));
    const base = Float32Array.of(1);
    await work(base, 1);
    base[0] = 5;
    expect([...(await work(base, 1))]).toEqual([6]);
  });
});
