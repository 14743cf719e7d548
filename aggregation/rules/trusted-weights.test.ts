import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { type AggregationContext, aggregate } from '../aggregate.ts';
import { fastAlgebra } from '../algebra/fast-algebra.ts';
import { blocksOf, granted } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { AggregationPolicy } from '../policy.ts';
import { leastSquares, type SquaresExample } from '../trusted/least-squares.ts';

const d = 12;
/** Feature j has weight 1 in the truth; class `c<j>` knows it. The sample holds the first eight. */
const examples: SquaresExample[] = Array.from({ length: 8 }, (_, j) => ({
  class: `c${j}`,
  features: Array.from({ length: d }, (__, k) => (k === j ? 1 : 0)),
  value: 1,
}));
const rule = { kind: 'trustedWeights', rho: 0.05, clip: 1.5, split: false, stepsMax: 200, blind: 'shares' } as const;
const policy = (f: number, more: Partial<typeof rule> | { split: boolean } = {}): AggregationPolicy => ({
  f,
  admission: { normMax: 1e6, zeroUpdate: 'refuse' },
  before: [],
  rule: { ...rule, ...more },
});

/** Each of eight honest clusters teaches its own two classes; three liars all say the opposite of everything. */
function rows(): Float32Array[] {
  const random = seededNumbers('trusted weights');
  const honest = Array.from({ length: 8 }, (_, at) =>
    Float32Array.from({ length: d }, (__, j) => (j === at || j === (at + 1) % 8 ? 1 : 0.02 * random.normal())),
  );
  const liars = Array.from({ length: 3 }, () => new Float32Array(d).fill(-0.6));
  return [...liars, ...honest];
}

async function run(given: AggregationPolicy, context: AggregationContext, algebra = twinAlgebra(), vectors = rows()) {
  const source = blocksOf(vectors);
  const sink = memorySink(source.d);
  return { result: await aggregate(given, source, algebra, sink, context), values: sink.values };
}

const base = new Float32Array(d);
const context = { base, trusted: { loss: leastSquares(examples) } };

describe('trustedWeights', () => {
  test('gives liars nothing, knows what only one cluster knows, and says both', async () => {
    const { result, values } = await run(policy(3), { ...context, slots: [{ name: 'all', offset: 0, length: d }] });
    const { report } = granted(result);
    expect(report.updates.slice(0, 3).map(({ verdict, reason }) => [verdict, reason.code])).toEqual(
      Array.from({ length: 3 }, () => ['leftOut', 'HARMS_SAMPLE']),
    );
    expect(report.updates[0]?.onSample?.slope).toBeGreaterThan(0);
    expect(report.updates[0]?.reason.text).toMatch(
      /carries no weight; along it the trusted sample's loss rises by .*, most of it in all/,
    );
    for (const { onSample, share } of report.updates.slice(3)) {
      expect(onSample?.slope).toBeLessThan(0);
      expect(share).toBeGreaterThan(0);
      expect(share).toBeLessThanOrEqual(1 / 8 + 1e-12);
    }
    expect([...values.subarray(0, 8)].every((value) => value > 0.1)).toBe(true);
    expect(report.onSample?.lossAfter).toBeLessThan(report.onSample?.lossBefore as number);
  });

  test('keeps its bound: no worse than the clipped honest mean and half rho f/(n − f) of the loss before', async () => {
    const vectors = rows();
    const { result, values } = await run(policy(3), context, twinAlgebra(), vectors);
    granted(result);
    const median = [...vectors.map((row) => Math.hypot(...row))].sort((a, b) => a - b)[5] as number;
    const clipped = vectors
      .slice(3)
      .map((row) => row.map((value) => value * Math.min(1, (1.5 * median) / Math.hypot(...row))));
    const mean = base.map((_, j) => clipped.reduce((sum, row) => sum + (row[j] as number), 0) / 8);
    const { loss } = context.trusted;
    const total = async (weights: Float32Array) =>
      (await loss.losses(weights)).reduce((sum, each) => sum + each, 0) / 8;
    const bound = (await total(mean)) + 0.5 * 0.05 * (3 / 8) * (await total(base));
    expect(await total(Float32Array.from(values))).toBeLessThanOrEqual(bound + 1e-6);
  });

  test('finds by gradients what it finds by outputs', async () => {
    const byOutputs = await run(policy(3), { base, trusted: { loss: leastSquares(examples, 'linear') } });
    const byGradient = await run(policy(3), { base, trusted: { loss: leastSquares(examples, 'gradient') } });
    granted(byOutputs.result);
    granted(byGradient.result);
    byOutputs.values.forEach((value, j) => {
      expect(byGradient.values[j]).toBeCloseTo(value, 4);
    });
  });

  test('gives the same bits and the same report by every algebra and in blocks of any size', async () => {
    const algebra = fastAlgebra({ workers: 1 });
    const all = await Promise.all(
      [twinAlgebra(), twinAlgebra({ columns: 5 }), algebra].map((each) => run(policy(3), context, each)),
    );
    await algebra.close();
    for (const { result, values } of all.slice(1)) {
      expect(values).toEqual(all[0]?.values);
      expect(granted(result).report).toEqual(granted(all[0]?.result as never as (typeof all)[0]['result']).report);
    }
  });

  test('clips what the sample cannot see harder, where asked to', async () => {
    const sly = rows();
    for (const row of sly.slice(0, 3)) {
      row.fill(1);
      row.fill(3, 8); // Teaches all of what is looked at, and much where nobody looks.
    }
    const [plain, split] = [
      await run(policy(3), context, twinAlgebra(), sly),
      await run(policy(3, { split: true }), context, twinAlgebra(), sly),
    ];
    granted(plain.result);
    granted(split.result);
    const blind = (values: Float64Array) => Math.hypot(...values.subarray(8));
    expect(blind(split.values)).toBeLessThan(0.1 * blind(plain.values));
  });

  test.each<[string, AggregationPolicy, AggregationContext, RegExp]>([
    ['no sample', policy(3), { base }, /decides by a trusted sample/],
    ['no base', policy(3), { trusted: context.trusted }, /needs the weights/],
    ['another base', policy(3), { ...context, base: new Float32Array(3) }, /base has 3 values/],
    ['more liars than rows', policy(11), context, /f=11 takes at least 12 updates/],
    [
      'split without linear outputs',
      policy(3, { split: true }),
      { base, trusted: { loss: leastSquares(examples, 'gradient') } },
      /linear in their weights/,
    ],
  ])('refuses %s', async (_, given, missing, message) => {
    const { result, values } = await run(given, missing);
    expect(result).toMatchObject({ ok: false, fault: { message: expect.stringMatching(message) } });
    expect(values.every((value) => value === 0)).toBe(true);
  });
});

describe('trustedWeights where the sample is blind', () => {
  /** Features 8 to 11 are four more classes' blocks; the first eight are one class's, which the sample covers. */
  const blocks = [
    { class: 'seen', ranges: [{ offset: 0, length: 8 }] },
    { class: 'rare', ranges: [{ offset: 8, length: 2 }] },
    { class: 'lone', ranges: [{ offset: 10, length: 1 }] },
  ];
  const seen: SquaresExample[] = examples.map((example) => ({ ...example, class: 'seen' }));
  /** Five hold `rare` and teach it 2, one of them lies; row 0 is a liar who holds nothing. */
  const sent = rows().map((row, at) => {
    const own = row.slice();
    own.fill(0, 8);
    if (at === 0) own.fill(-9, 8);
    if (at >= 3 && at < 7) own.fill(2, 8, 10);
    if (at === 7) own.fill(-9, 8, 10);
    if (at === 8) own[10] = 1;
    return own;
  });
  const declared = sent.map((_, at) => [...(at >= 3 && at < 8 ? ['rare'] : []), ...(at === 8 ? ['lone'] : [])]);
  const told = { base, trusted: { loss: leastSquares(seen) }, classes: { blocks, declared } };

  test.each(['geometricMedian', 'coordinateMedian'] as const)(
    'asks the %s of those who declare the class',
    async (blind) => {
      const given: AggregationPolicy = { ...policy(2), rule: { ...rule, blind } };
      const { result, values } = await run(given, told, twinAlgebra(), sent);
      const { report } = granted(result);
      expect(values[8]).toBeCloseTo(2, 1);
      expect(values[9]).toBeCloseTo(2, 1);
      expect(values[10]).toBe(1);
      expect(report.classes?.map(({ class: name, covered, holders, f }) => [name, covered, holders, f])).toEqual([
        ['seen', true, [], 2],
        ['rare', false, [3, 4, 5, 6, 7], 2],
        ['lone', false, [8], 0],
      ]);
      expect(report.classes?.[1]?.text).toBe(
        'the sample does not hold rare; the median of the 5 that declare it withstands f = 2',
      );
      expect(report.classes?.[2]?.text).toMatch(/1 cluster declares it: fewer than 2f \+ 1, so 0 liars .* not f = 2/);
    },
  );

  const evidence: AggregationPolicy = { ...policy(2), rule: { ...rule, blind: 'evidence' } };

  test('hears nobody where the sample is blind who does harm where it sees', async () => {
    const lied = sent.map((row, at) => {
      const own = row.slice();
      if (at < 3) own.fill(-9, 8); // The three of `rows` that say the opposite of everything are the most of six now.
      return own;
    });
    const classes = { blocks, declared: lied.map((_, at) => (at < 3 || (at >= 4 && at < 7) ? ['rare'] : ['lone'])) };
    for (const blind of ['geometricMedian', 'coordinateMedian', 'evidence'] as const) {
      const given = { ...evidence, rule: { ...rule, blind } };
      const { result, values } = await run(given, { ...told, classes }, twinAlgebra(), lied);
      expect([values[8], values[9]].map((value) => Math.round(value as number))).toEqual([2, 2]);
      const rare = granted(result).report.classes?.[1];
      expect(rare?.leftOut).toEqual([0, 1, 2]);
      expect(rare?.text).toMatch(/3 of them teach nothing that the sample holds, and are not heard/);
    }
  });

  test('leaves a class as it was where none of its holders is heard, and says so', async () => {
    const classes = { blocks, declared: sent.map((_, at) => (at < 3 ? ['rare'] : [])) };
    const { result, values } = await run(evidence, { ...told, classes }, twinAlgebra(), sent);
    expect([values[8], values[9]]).toEqual([0, 0]);
    expect(granted(result).report.classes?.[1]?.text).toMatch(/nobody is believed, and it stays as it was/);
  });

  test('lets liars who are the most of a class thin what one honest holder teaches, and not take it away', async () => {
    // Rows 4 to 6 work honestly where the sample sees them, and lie about `rare`; row 3 alone teaches it.
    const lied = sent.map((row, at) => {
      const own = row.slice();
      if (at >= 4 && at < 7) own.fill(-9, 8, 10);
      return own;
    });
    const classes = { blocks, declared: lied.map((_, at) => (at >= 3 && at < 7 ? ['rare'] : [])) };
    const byEvidence = await run(evidence, { ...told, classes }, twinAlgebra(), lied);
    const median = { ...evidence, rule: { ...rule, blind: 'geometricMedian' as const } };
    const byMedian = await run(median, { ...told, classes }, twinAlgebra(), lied);
    granted(byEvidence.result);
    granted(byMedian.result);
    expect(byEvidence.values[8]).toBeGreaterThan(0.25);
    expect(byMedian.values[8]).toBeLessThan(-0.25);
    expect(granted(byEvidence.result).report.classes?.[1]?.text).toMatch(
      /liars can thin, each by 1\/4, and not take away/,
    );
  });

  describe('by contrast', () => {
    /** Not of `rare`, though it has the first of its features: what the sample knows, and holders of `rare` cannot. */
    const other = { class: 'seen', features: Array.from({ length: d }, (_, j) => (j === 8 ? 1 : 0)), value: 0 };
    const contrast: AggregationPolicy = { ...policy(2), rule: { ...rule, blind: 'contrast' } };
    const contextOf = (only?: 'linear' | 'gradient') => ({
      ...told,
      trusted: { loss: leastSquares([...seen, other], only) },
    });

    test('lets the sample take back what it knows to be something else, and nothing beside it', async () => {
      const [byEvidence, byContrast] = [
        await run(evidence, contextOf(), twinAlgebra(), sent),
        await run(contrast, contextOf(), twinAlgebra(), sent),
      ];
      granted(byEvidence.result);
      expect(byContrast.values[8]).toBeLessThan(0.8 * (byEvidence.values[8] as number));
      expect(byContrast.values[8]).toBeGreaterThan(0);
      // Without, all of the block is cut to a half for the harm that a part of it does.
      expect([byEvidence.values[9], byContrast.values[9]].map((value) => value?.toFixed(3))).toEqual([
        '0.800',
        '1.600',
      ]);
      expect([...byContrast.values.subarray(10)]).toEqual([...byEvidence.values.subarray(10)]);
      expect([...byContrast.values.subarray(0, 8)]).toEqual([...byEvidence.values.subarray(0, 8)]);
      const texts = granted(byContrast.result).report.classes?.map(({ text }) => text);
      expect(texts?.[1]).toMatch(/and not take away; [1-9][0-9.]* % of it the sample takes back as something else/);
      expect(texts?.[2]).toMatch(/; 0\.0 % of it the sample takes back/);
    });

    test('stays with the evidence where the detector gives no gradient', async () => {
      const byEvidence = await run(evidence, contextOf('linear'), twinAlgebra(), sent);
      const byContrast = await run(contrast, contextOf('linear'), twinAlgebra(), sent);
      granted(byContrast.result);
      expect(byContrast.values).toEqual(byEvidence.values);
    });

    test('leaves a class as it was where none of its holders is heard', async () => {
      const learnt = { ...told, base: base.map((_, j) => (j === 8 ? 1 : 0)), trusted: contextOf().trusted };
      const classes = { blocks, declared: sent.map((_, at) => (at < 3 ? ['rare'] : [])) };
      const { result, values } = await run(contrast, { ...learnt, classes }, twinAlgebra(), sent);
      granted(result);
      expect([values[8], values[9]]).toEqual([0, 0]);
    });

    test('gives the same bits by every algebra and in blocks of any size', async () => {
      const algebra = fastAlgebra({ workers: 1 });
      const all = await Promise.all(
        [twinAlgebra(), twinAlgebra({ columns: 5 }), algebra].map((each) => run(contrast, contextOf(), each, sent)),
      );
      await algebra.close();
      for (const { result, values } of all.slice(1)) {
        expect(values).toEqual(all[0]?.values);
        expect(granted(result).report).toEqual(granted(all[0]?.result as never as (typeof all)[0]['result']).report);
      }
    });
  });

  test('keeps the shares there where it is told to', async () => {
    const { result, values } = await run(
      { ...policy(2), rule: { ...rule, blind: 'shares' } },
      told,
      twinAlgebra(),
      sent,
    );
    expect(granted(result).report.classes?.[1]?.text).toMatch(/nothing is promised/);
    expect(values[8]).toBeLessThan(1.5);
  });

  test.each([
    [1, 0.1, 1],
    [10, 0, 0],
  ])(
    'lets a class that only a liar speaks for harm what the sample holds by little (feature %s)',
    async (weight, least, most) => {
      const harmed = { class: 'seen', features: Array.from({ length: d }, (_, j) => (j === 8 ? weight : 0)), value: 0 };
      const lone = rows().map((row, at) => {
        const own = row.slice();
        own.fill(0, 8);
        if (at === 3) own.fill(1e5, 8, 10); // Works honestly where the sample sees it.
        return own;
      });
      const classes = { blocks, declared: lone.map((_, at) => (at === 3 ? ['rare'] : [])) };
      const context = { base, trusted: { loss: leastSquares([...seen, harmed]) }, classes };
      const { result, values } = await run(
        { ...policy(3), rule: { ...rule, blind: 'geometricMedian' } },
        context,
        twinAlgebra(),
        lone,
      );
      granted(result);
      expect(values[8]).toBeGreaterThanOrEqual(least);
      expect(values[8]).toBeLessThanOrEqual(most);
      expect([...values.subarray(0, 8)].every((value) => value > 0.05)).toBe(true);
    },
  );

  test('refuses to mix rows of senders who declare different classes', async () => {
    const mixed: AggregationPolicy = { ...policy(2), before: [{ kind: 'nearestNeighbourMixing' }] };
    const { result } = await run(mixed, told, twinAlgebra(), sent);
    expect(result).toMatchObject({ ok: false, fault: { message: expect.stringMatching(/declare different classes/) } });
    const free = await run(mixed, context, twinAlgebra());
    expect(granted(free.result).report.updates).toHaveLength(11);
  });
});
