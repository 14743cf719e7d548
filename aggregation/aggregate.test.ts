import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../base/random.ts';
import { type AggregationContext, aggregate } from './aggregate.ts';
import { blocksOf, granted, normalVectors } from './algebra/samples.ts';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { memorySink } from './blocks/blocks.ts';
import type { AggregationPolicy } from './policy.ts';

const krumPolicy: AggregationPolicy = {
  f: 2,
  admission: { normMax: 1e6, zeroUpdate: 'refuse' },
  before: [],
  rule: { kind: 'krum' },
};

/** Nine honest rows around 1 and two at −20, of six values. */
function rows(): Float32Array[] {
  const random = seededNumbers('aggregate');
  return [...normalVectors(random, 9, 6, 1), ...normalVectors(random, 2, 6, -20)];
}

async function run(policy: AggregationPolicy, vectors: readonly Float32Array[], context: AggregationContext = {}) {
  const source = blocksOf(vectors);
  const sink = memorySink(source.d);
  let written = 0;
  const counting = {
    write: (offset: number, values: Float64Array) => {
      written += values.length;
      return sink.write(offset, values);
    },
  };
  const result = await aggregate(policy, source, twinAlgebra({ columns: 4 }), counting, context);
  return { result, values: sink.values, written };
}

describe('aggregate', () => {
  test('says of every update what came of it and why', async () => {
    const vectors = rows();
    const slots = [
      { name: 'kernel', offset: 0, length: 4 },
      { name: 'bias', offset: 4, length: 2 },
    ];
    for (const j of [4, 5]) (vectors[3] as Float32Array)[j] = 9;
    (vectors[0] as Float32Array)[1] = Number.NaN;
    const { result, values } = await run({ ...krumPolicy, f: 2 }, vectors, { slots });
    const { report } = granted(result);
    expect(report).toMatchObject({ n: 11, nAdmitted: 10, fApplied: 2, convergence: null });
    expect(report.updates.map(({ row }) => row)).toEqual([...vectors.keys()]);
    expect(report.updates[0]).toMatchObject({
      verdict: 'refused',
      reason: { code: 'NON_FINITE' },
      norm: null,
      neighbours: [],
    });
    const winner = report.updates.find(({ verdict }) => verdict === 'selected');
    expect(winner).toMatchObject({ share: 1, reason: { code: 'TAKES_PART' }, distance: 0, tensors: [] });
    expect(winner?.cosine).toBeCloseTo(1, 12);
    expect([...values]).toEqual([...(vectors[winner?.row ?? -1] as Float32Array)]);
    expect(report.updates.filter(({ verdict }) => verdict === 'leftOut')).toHaveLength(9);
    expect(report.updates[3]?.tensors[0]).toMatchObject({ name: 'bias' });
    expect(report.updates[3]?.tensors[0]?.part).toBeGreaterThan(0.8);
    const outcast = report.updates[9];
    expect(outcast?.reason.code).toBe('SCORE_TOO_HIGH');
    expect(outcast?.neighbours).toContain(10);
    expect(outcast?.cosine).toBeLessThan(0);
    expect(outcast?.score).toBeGreaterThan(100 * (winner?.score ?? 0));
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test('lets f fall for updates refused as non-finite, only where n is too small, and says so', async () => {
    const spoiled = rows().slice(0, 7);
    (spoiled[2] as Float32Array)[0] = Number.POSITIVE_INFINITY;
    expect(granted((await run(krumPolicy, spoiled)).result).report).toMatchObject({ nAdmitted: 6, fApplied: 1 });
    const enough = rows();
    (enough[2] as Float32Array)[0] = Number.POSITIVE_INFINITY;
    expect(granted((await run(krumPolicy, enough)).result).report).toMatchObject({ nAdmitted: 10, fApplied: 2 });
  });

  test('lets f fall for a norm that nothing honest has, as for NaN', async () => {
    const spoiled = rows().slice(0, 7);
    (spoiled[2] as Float32Array)[0] = 1e20;
    expect(granted((await run(krumPolicy, spoiled)).result).report).toMatchObject({ nAdmitted: 6, fApplied: 1 });
  });

  test('keeps zeros and scales oversized updates down where the rest is too few, and f stays', async () => {
    const vectors = rows().slice(0, 7);
    vectors[1]?.fill(0);
    (vectors[2] as Float32Array)[0] = 2 * krumPolicy.admission.normMax;
    const { report } = granted((await run(krumPolicy, vectors)).result);
    expect(report).toMatchObject({ nAdmitted: 7, fApplied: 2 });
    expect(report.before).toEqual([{ kind: 'clip', norm: krumPolicy.admission.normMax, clippedRows: [2] }]);
    expect(report.updates[1]?.reason.text).toContain('kept although ZERO_UPDATE');
    expect(report.updates[2]?.reason.text).toContain('kept although NORM_TOO_LARGE');
    expect(report.updates.find(({ verdict }) => verdict === 'selected')?.row).not.toBe(2);
  });

  test('refuses zeros and oversized updates where the rest is enough', async () => {
    const vectors = rows();
    vectors[1]?.fill(0);
    (vectors[2] as Float32Array)[0] = 2 * krumPolicy.admission.normMax;
    const { report } = granted((await run(krumPolicy, vectors)).result);
    expect(report.updates.filter(({ verdict }) => verdict === 'refused').map(({ row }) => row)).toEqual([1, 2]);
  });

  test('refuses by name where every update is zero', async () => {
    const vectors = rows().slice(0, 7);
    for (const vector of vectors) vector.fill(0);
    const { result } = await run(krumPolicy, vectors);
    expect(result).toMatchObject({ ok: false, fault: { code: 'TOO_FEW_ADMITTED' } });
    expect(result.ok ? '' : result.fault.message).toContain('7 ZERO_UPDATE');
  });

  test('refuses by name where more than f are above a limit that the operator set', async () => {
    const vectors = rows().slice(0, 7);
    for (const row of [1, 2, 3]) (vectors[row] as Float32Array)[0] = 2 * krumPolicy.admission.normMax;
    const { result, written } = await run(krumPolicy, vectors);
    expect(result).toMatchObject({ ok: false, fault: { code: 'TOO_FEW_ADMITTED' } });
    expect(result.ok ? '' : result.fault.message).toContain('3 NORM_TOO_LARGE');
    expect(written).toBe(0);
  });

  test('admits a zero update where the policy says so', async () => {
    const vectors = rows();
    vectors[1]?.fill(0);
    const admission = { normMax: 1e6, zeroUpdate: 'admit' } as const;
    expect(granted((await run({ ...krumPolicy, admission }, vectors)).result).report.nAdmitted).toBe(11);
  });

  test('mixing reports who is in the mixture', async () => {
    const policy: AggregationPolicy = { ...krumPolicy, before: [{ kind: 'nearestNeighbourMixing' }] };
    const { result, values } = await run(policy, rows());
    const { updates } = granted(result).report;
    const selected = updates.filter(({ verdict }) => verdict === 'selected');
    expect(selected.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const { share } of selected) expect(share).toBeCloseTo(1 / 9, 12);
    const mean = rows().slice(0, 9).reduce((sum, vector) => sum + (vector[0] as number), 0) / 9; // biome-ignore format: one line
    expect(values[0]).toBeCloseTo(mean, 12);
  });

  test('a bucketing policy repeats for the same seed and needs one', async () => {
    const policy: AggregationPolicy = { ...krumPolicy, f: 1, before: [{ kind: 'bucketing', size: 2 }] };
    expect((await run(policy, rows())).result).toMatchObject({ ok: false, fault: { code: 'CONTEXT_MISSING' } });
    const [first, again] = [await run(policy, rows(), { seed: 'r-1' }), await run(policy, rows(), { seed: 'r-1' })];
    expect(first).toEqual(again);
    const [buckets] = granted(first.result).report.before;
    expect(buckets?.kind === 'bucketing' && buckets.buckets.flat().toSorted((a, b) => a - b)).toEqual([
      ...Array(11).keys(),
    ]);
    const other = granted((await run(policy, rows(), { seed: 'r-2' })).result).report.before;
    expect(other).not.toEqual([buckets]);
  });

  test('clipping says whom it clipped, and to what', async () => {
    const policy: AggregationPolicy = {
      ...krumPolicy,
      before: [{ kind: 'clip', norm: 10 }],
      rule: { kind: 'trimmedMean' },
    };
    const vectors = rows();
    (vectors[3] as Float32Array)[0] = Number.NaN; // Rows are named as given, whoever was refused before them.
    const { report } = granted((await run(policy, vectors)).result);
    expect(report.before).toEqual([{ kind: 'clip', norm: 10, clippedRows: [9, 10] }]);
    const adaptive: AggregationPolicy = { ...policy, before: [{ kind: 'adaptiveClip' }] };
    // ⌊2 · 2 · 9 / 11⌋ = 3 are clipped, to the norm of the fourth longest.
    const [clipped] = granted((await run(adaptive, rows())).result).report.before;
    const norms = rows().map((vector) => Math.hypot(...vector)).sort((a, b) => b - a); // biome-ignore format: one line
    expect(clipped?.kind === 'adaptiveClip' && clipped.clippedRows).toHaveLength(3);
    expect(clipped?.kind === 'adaptiveClip' && clipped.norm).toBeCloseTo(norms[3] as number, 9);
  });

  test('weights belong to the mean, and follow their rows past a refusal', async () => {
    const vectors = rows();
    (vectors[0] as Float32Array)[0] = Number.NaN;
    const weights = Float64Array.from(vectors, (_, row) => (row === 4 || row === 0 ? 1 : 0));
    const policy: AggregationPolicy = { ...krumPolicy, f: 0, rule: { kind: 'mean' } };
    const { values } = await run(policy, vectors, { weights });
    expect([...values]).toEqual([...(vectors[4] as Float32Array)]);
    expect((await run(krumPolicy, rows(), { weights })).result).toMatchObject({
      ok: false,
      fault: { code: 'POLICY_INVALID' },
    });
    const short = await run(policy, vectors, { weights: weights.slice(1) });
    expect(short.result).toMatchObject({ ok: false, fault: { code: 'LENGTH_MISMATCH' } });
  });

  test('says less where less is asked for, and decides the same', async () => {
    const [full, brief] = [await run(krumPolicy, rows()), await run(krumPolicy, rows(), { measure: false })];
    expect(brief.values).toEqual(full.values);
    const { updates } = granted(brief.result).report;
    const unmeasured = { score: null, neighbours: [], cosine: null, distance: null, tensors: [] };
    const reasonOf = (text: string) => (text.startsWith('score') ? 'lower scores were found' : text);
    expect(updates).toEqual(
      granted(full.result).report.updates.map(({ reason, ...update }) => ({
        ...update,
        ...unmeasured,
        reason: { ...reason, text: reasonOf(reason.text) },
      })),
    );
  });

  test('iterative rules report how they converged', async () => {
    const rule = { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 2 } as const;
    const short = granted((await run({ ...krumPolicy, rule }, rows())).result).report.convergence;
    expect(short).toMatchObject({ steps: 2, converged: false });
    const long = granted((await run({ ...krumPolicy, rule: { ...rule, stepsMax: 500 } }, rows())).result).report;
    expect(long.convergence?.converged).toBe(true);
    expect(long.convergence?.movedAtMost).toBeLessThan(1e-6);
  });

  test('centred clipping starts where the caller says', async () => {
    const rule = { kind: 'centredClipping', radius: 0.5, steps: 1 } as const;
    const near = await run({ ...krumPolicy, rule }, rows(), { start: new Float64Array(6).fill(1) });
    const far = await run({ ...krumPolicy, rule }, rows());
    expect(Math.abs((near.values[0] as number) - 1)).toBeLessThan(0.5);
    expect(Math.hypot(...far.values)).toBeLessThanOrEqual(0.5);
    const wrong = await run({ ...krumPolicy, rule }, rows(), { start: new Float64Array(5) });
    expect(wrong.result).toMatchObject({ ok: false, fault: { code: 'LENGTH_MISMATCH' } });
    const broken = await run({ ...krumPolicy, rule }, rows(), { start: new Float64Array(6).fill(Number.NaN) });
    expect(broken.result).toMatchObject({ ok: false, fault: { code: 'NON_FINITE' } });
  });

  test('slots must cover an update', async () => {
    const slots = [{ name: 'kernel', offset: 0, length: 5 }];
    expect((await run(krumPolicy, rows(), { slots })).result).toMatchObject({
      ok: false,
      fault: { code: 'LENGTH_MISMATCH' },
    });
  });
});
