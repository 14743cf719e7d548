import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import { leastSquares } from '../trusted/least-squares.ts';
import type { SampleSearch } from '../trusted/sample-descent.ts';
import type { LossGradient, TrustedLoss } from '../trusted/trusted-loss.ts';
import { carryOut, updatesOf } from '../updates.ts';
import type { DoubtSample } from './told-apart.ts';
import { trustedWeights } from './trusted-weights.ts';

const parameters = { rho: 0.05, clip: 1.5, split: false, stepsMax: 50, blind: 'shares' } as const;

/** ln(1 + exp(−direction · w)): attacks are told apart the better the farther the model lies that way. */
function told(...direction: readonly number[]): LossGradient {
  return async (weights) => {
    const margin = direction.reduce((sum, value, j) => sum + value * (weights[j] as number), 0);
    const pull = -1 / (1 + Math.exp(margin));
    const loss = Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin)));
    return { loss, gradient: Float32Array.from(direction, (value) => pull * value) };
  };
}

/** What is normal: the first coordinate is 1, the second 0; the third no normal work says anything of. */
const examples = [
  { class: 'seen', features: [1, 0, 0], value: 1 },
  { class: 'seen', features: [0, 1, 0], value: 0 },
];
const normal = leastSquares(examples, 'gradient');
const sent = [[0.9, 0.1, -1], [1, 0, 0.1], [0.8, -0.1, 0.2]]; // biome-ignore format: one line
const base = new Float32Array(3);

async function decided(
  attacks: LossGradient | undefined,
  tellApart: boolean | undefined,
  vectors = sent,
  of = normal,
  search?: SampleSearch,
  doubtSample?: DoubtSample,
) {
  const loss: TrustedLoss = { ...of, ...(attacks && { attacks }) };
  const updates = updatesOf(twinAlgebra(), blocksOf(vectors.map((vector) => Float32Array.from(vector))));
  const context = { trusted: { loss }, base };
  const decision = granted(
    await trustedWeights(updates, 1, { ...parameters, tellApart, search, doubtSample }, context),
  );
  const sink = memorySink(3);
  await carryOut(twinAlgebra(), decision.plan, sink);
  const { selected, shares, onSample } = decision;
  return { selected, shares, onSample, values: [...sink.values] };
}

const length = (values: readonly number[]) => Math.hypot(...values);
const between = (a: readonly number[], b: readonly number[]) => length(a.map((value, j) => value - (b[j] as number)));

describe('toldApart', () => {
  it('moves what clusters agreed on to where the attacks are told apart, and says how far', async () => {
    const attacks = told(0, 0, 3);
    const [plain, moved] = [await decided(attacks, false), await decided(attacks, true)];
    expect(plain.onSample).not.toHaveProperty('toldApart');
    expect(moved.values[2]).toBeGreaterThan((plain.values[2] as number) + 0.3);
    expect(moved.values.slice(0, 2).map((value) => value.toFixed(1))).toEqual(
      plain.values.slice(0, 2).map((value) => value.toFixed(1)),
    );
    const at = async (values: readonly number[]) => (await attacks(Float32Array.from(values))).loss;
    const { toldApart: report, lossAfter } = moved.onSample ?? {};
    expect(report).toEqual({
      moved: expect.closeTo(between(moved.values, plain.values) / length(plain.values), 9),
      attacksBefore: expect.closeTo(await at(plain.values), 6),
      attacksAfter: expect.closeTo(await at(moved.values), 6),
      normalBefore: expect.closeTo(plain.onSample?.lossAfter as number, 6),
      normalAfter: lossAfter,
    });
    expect(report?.attacksAfter).toBeLessThan(0.5 * (report?.attacksBefore as number));
    // Who weighs what was decided before.
    expect([moved.selected, moved.shares]).toEqual([plain.selected, plain.shares]);
  });

  it('is the same to the bit, whoever computes it, and has been from the first build that had it', async () => {
    const [once, again] = [await decided(told(1, -2, 3), true), await decided(told(1, -2, 3), true)];
    expect(again).toEqual(once);
    expect(once.values.map((value) => value.toPrecision(12))).toMatchInlineSnapshot(`
      [
        "1.04837302880",
        "-0.239420761123",
        "0.150629272497",
      ]
    `);
  });

  it('searches as builds did first where a policy does not say how, and goes on where that gives up', async () => {
    // The least lies nearer than the eighth halving of a first step, a tenth of the length, leads past it.
    const plain = await decided(undefined, false);
    const least = (plain.values[2] as number) + 1e-4;
    const steep: LossGradient = async (weights) => {
      const away = (weights[2] as number) - least;
      return { loss: 1e9 * away * away, gradient: Float32Array.of(0, 0, 2e9 * away) };
    };
    const by = async (search?: SampleSearch) => (await decided(steep, true, sent, normal, search)).values;
    expect(await by()).toEqual(plain.values);
    expect(await by('eightHalvings')).toEqual(plain.values);
    expect((await by('patient'))[2]).toBeCloseTo(least, 6);
    expect((await by('quasiNewton'))[2]).toBeCloseTo(least, 6);
  });

  const doubting = (attacks: LossGradient, doubt?: DoubtSample, vectors = sent) =>
    decided(attacks, true, vectors, normal, 'patient', doubt);

  it.each<DoubtSample>([true, 'mostClusters'])(
    'moves nothing where a sample is doubted (%s) whose attacks all tell no better than chance, and as ever where they do',
    async (doubt) => {
      const unlike = told(1, 0, 3); // What clusters agreed on lies that way: better than chance by a little.
      expect(await doubting(unlike, doubt)).toEqual(await doubting(unlike));
      const like = told(-1, 0, 3);
      expect((await doubting(like)).onSample?.toldApart?.moved).toBeGreaterThan(0.1);
      const { onSample, values } = await doubting(like, doubt);
      const plain = await decided(like, false);
      expect(values).toEqual(plain.values);
      expect(onSample?.toldApart?.moved).toBe(0);
      expect(onSample?.toldApart?.attacksBefore).toBeGreaterThan(Math.LN2);
      expect(onSample?.lossAfter).toBeCloseTo(plain.onSample?.lossAfter as number, 9);
    },
  );

  it('is not kept from telling attacks apart by fewer than half who raise their loss past chance, where most clusters are asked', async () => {
    const attacks = told(0, 0, 3); // The first row alone says the opposite, and louder than both others.
    const [asEver, always, most] = [undefined, true, 'mostClusters' as const].map((doubt) => doubting(attacks, doubt));
    expect((await asEver)?.onSample?.toldApart?.attacksBefore).toBeGreaterThan(Math.LN2);
    expect((await always)?.onSample?.toldApart?.moved).toBe(0);
    expect(await most).toEqual(await asEver);
    const two = [[0.9, 0.1, -1], [1, 0, -1], [1, 0, 0.1], [0.8, -0.1, 0.2]]; // biome-ignore format: one line
    expect(await doubting(attacks, 'mostClusters', two)).toEqual(await doubting(attacks, undefined, two));
    const three = [[0.9, 0.1, -1], [1, 0, -1], [1, 0, -1], [0.8, -0.1, 0.2]]; // biome-ignore format: one line
    expect((await doubting(attacks, 'mostClusters', three)).onSample?.toldApart?.moved).toBe(0);
  });

  it('asks nothing of the attacks where normal work would lose too much', async () => {
    const [ofNormal, ofAttacks] = [[] as number[], [] as number[]];
    const gradient: LossGradient = async (weights) => {
      const found = await (normal.gradient as LossGradient)(weights);
      ofNormal.push(found.loss);
      return found;
    };
    const attacks: LossGradient = async (weights) => {
      ofAttacks.push(ofNormal.at(-1) as number);
      return told(-2, 0, 0)(weights);
    };
    const { onSample } = await decided(attacks, true, sent, { ...normal, gradient });
    const { normalBefore = 0 } = onSample?.toldApart ?? {};
    const most = normalBefore + 0.1 * (onSample?.lossBefore as number);
    expect(ofNormal.slice(-ofAttacks.length).some((each) => each > most)).toBe(true); // Some steps led there.
    expect(Math.max(...ofAttacks)).toBeLessThanOrEqual(most);
  });

  it('changes no bit where it was not asked for, and where a sample has nothing to tell apart', async () => {
    const plain = await decided(undefined, undefined);
    expect(await decided(told(0, 0, 3), undefined)).toEqual(plain);
    expect(await decided(undefined, true)).toEqual(plain);
  });

  it('leaves an aggregate of nothing where it is', async () => {
    const { values, onSample } = await decided(told(0, 0, 3), true, [[0, 0, 0], [0, 0, 0], [0, 0, 0]]); // biome-ignore format: one line
    expect(values).toEqual([0, 0, 0]);
    expect(onSample?.toldApart).toMatchObject({ moved: 0, attacksBefore: Math.LN2, attacksAfter: Math.LN2 });
  });

  it('stays where the attacks’ loss is no number', async () => {
    const attacks: LossGradient = async () => ({ loss: Number.NaN, gradient: new Float32Array(3).fill(Number.NaN) });
    expect((await decided(attacks, true)).values).toEqual((await decided(attacks, false)).values);
  });

  it('moves no farther than half of what clusters did, and costs normal work no more than its bound, whatever a mistaken sample calls an attack', () => {
    const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
    return fc.assert(
      fc.asyncProperty(
        fc.tuple(number, number, number),
        fc.constantFrom<SampleSearch>('eightHalvings', 'patient', 'quasiNewton'),
        async (direction, search) => {
          const attacks = told(...direction);
          const [plain, moved] = [await decided(attacks, false), await decided(attacks, true, sent, normal, search)];
          expect(between(moved.values, plain.values)).toBeLessThanOrEqual(0.5 * length(plain.values) + 1e-9);
          const { lossBefore = 0, toldApart: report } = moved.onSample ?? {};
          expect(report?.moved).toBeLessThanOrEqual(0.5 + 1e-9);
          expect(report?.normalAfter).toBeLessThanOrEqual((report?.normalBefore as number) + 0.1 * lossBefore);
          expect(moved.onSample?.lossAfter).toBe(report?.normalAfter);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('would go farther without its bounds: the one stops it where attacks are normal work, the other where no normal work is', async () => {
    const { onSample: against } = await decided(told(-2, 0, 0), true);
    const { moved = 0, normalBefore = 0, normalAfter = 0 } = against?.toldApart ?? {};
    const rises = (normalAfter - normalBefore) / (against?.lossBefore as number);
    expect(rises).toBeGreaterThan(0.09);
    expect(rises).toBeLessThanOrEqual(0.1);
    expect(moved).toBeLessThan(0.3);
    const { onSample: beside } = await decided(told(0, 0, 1), true, [[0.9, 0, -1], [1, 0, -1], [0.8, 0, -1]]); // biome-ignore format: one line
    expect(beside?.toldApart?.moved).toBeGreaterThan(0.4);
    expect(beside?.toldApart?.moved).toBeLessThanOrEqual(0.5);
  });

  it('goes down normal work alone where no move tells attacks better apart', async () => {
    const flat: LossGradient = async (weights) => ({ loss: 1, gradient: new Float32Array(weights.length) });
    const { onSample } = await decided(flat, true, [[0.4, 0.3, 0], [0.5, 0.3, 0], [0.5, 0.2, 0]]); // biome-ignore format: one line
    const { normalBefore = 0, normalAfter = 0, attacksAfter } = onSample?.toldApart ?? {};
    expect(normalAfter).toBeLessThan(0.8 * normalBefore);
    expect(attacksAfter).toBe(1);
  });

  it('moves nothing where the loss on normal work has no gradient', async () => {
    const linear = leastSquares(examples, 'linear');
    const plain = await decided(undefined, false, sent, linear);
    expect(await decided(told(0, 0, 3), true, sent, linear)).toEqual(plain);
  });
});
