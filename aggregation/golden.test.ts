import { describe, expect, test } from 'vitest';
import { twinAlgebra } from './algebra/twin-algebra.ts';
import { bucket } from './before/bucketing.ts';
import { mixNearestNeighbours } from './before/nearest-neighbour-mixing.ts';
import { memorySink } from './blocks/blocks.ts';
import { rankByScore, scoreBounds } from './distances/neighbour-scores.ts';
import type { Aggregated } from './fault.ts';
import { goldenBlocks, goldenCases, goldenScale } from './golden/golden.ts';
import { bulyan, bulyanPicks } from './rules/bulyan.ts';
import { centredClipping } from './rules/centred-clipping.ts';
import { coordinateMedian, trimmedMean } from './rules/coordinate-wise.ts';
import { geometricMedian } from './rules/geometric-median.ts';
import { krum, krumQuestion } from './rules/krum.ts';
import { multiKrum } from './rules/multi-krum.ts';
import { carryOut, type Decision, type Updates, updatesOf } from './updates.ts';

const algebra = twinAlgebra();

function granted<Value>(result: Aggregated<Value>): Value {
  if (!result.ok) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  return result.value;
}

async function outputOf(updates: Updates, decision: Decision): Promise<number[]> {
  const sink = memorySink(updates.source.d);
  await carryOut(algebra, decision.plan, sink);
  return [...sink.values];
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, scale: number, relative = 1e-9): void {
  expect(actual.length).toBe(expected.length);
  const worst = Math.max(0, ...Array.from(expected, (value, i) => Math.abs(value - (actual[i] ?? Number.NaN))));
  expect(worst).toBeLessThanOrEqual(relative * scale);
}

const updatesFor = (input: string) => updatesOf(algebra, goldenBlocks(input));

type SelectionCase = { input: string; f: number; m: number; selected: number[]; output: number[] };
type KrumCase = { input: string; f: number; scores: number[]; order: number[]; selected: number; output: number[] };

describe('golden cases agree', () => {
  test.each(goldenCases<KrumCase>('krum'))('krum $input f=$f', async (golden) => {
    const updates = updatesFor(golden.input);
    const decision = granted(await krum(updates, golden.f));
    expect(decision.selected).toEqual([golden.selected]);
    expect(await outputOf(updates, decision)).toEqual(golden.output);
    const question = await krumQuestion(updates, golden.f);
    expect(await rankByScore(question)).toEqual(golden.order);
    const { low, high } = scoreBounds(question);
    expect(low).toEqual(high);
    expectClose(low, golden.scores, Math.max(...golden.scores));
  });

  test.each(goldenCases<SelectionCase>('multi-krum'))('multi-krum $input f=$f m=$m', async (golden) => {
    const updates = updatesFor(golden.input);
    const decision = granted(await multiKrum(updates, golden.f, golden.m));
    expect(decision.selected).toEqual(golden.selected.toSorted((a, b) => a - b));
    expectClose(await outputOf(updates, decision), golden.output, goldenScale(golden.input));
  });

  test.each(goldenCases<SelectionCase>('bulyan'))('bulyan $input f=$f', async (golden) => {
    const updates = updatesFor(golden.input);
    expect(await bulyanPicks(await updates.distances(), golden.f)).toEqual(golden.selected);
    const decision = granted(await bulyan(updates, golden.f));
    expectClose(await outputOf(updates, decision), golden.output, goldenScale(golden.input));
  });

  type ColumnCase = { rule: string; input: string; trim: number; output: number[] };
  test.each(goldenCases<ColumnCase>('coordinate-wise'))('$rule $input trim=$trim', async (golden) => {
    const updates = updatesFor(golden.input);
    const result = golden.rule === 'median' ? coordinateMedian(updates, 0) : trimmedMean(updates, golden.trim);
    expectClose(await outputOf(updates, granted(await result)), golden.output, goldenScale(golden.input));
  });

  type MedianCase = { rule: string; input: string; smoothing: number; steps: number; output: number[] };
  test.each(goldenCases<MedianCase>('geometric-median'))('$rule $input smoothing=$smoothing', async (golden) => {
    const updates = updatesFor(golden.input);
    const scale = goldenScale(golden.input);
    const fixedSteps = golden.rule === 'smoothed-weiszfeld';
    const parameters = fixedSteps
      ? { smoothing: golden.smoothing, tolerance: 0, stepsMax: golden.steps, start: 'zero' as const }
      : { smoothing: 1e-12, tolerance: 1e-12, stepsMax: 20_000, start: 'mean' as const };
    const decision = granted(await geometricMedian(updates, 0, parameters));
    if (!fixedSteps) expect(decision.convergence?.converged).toBe(true);
    expectClose(await outputOf(updates, decision), golden.output, scale, fixedSteps ? 1e-9 : 1e-7);
  });

  type BeforeCase = {
    rule: 'centered-clipping' | 'nnm' | 'bucketing';
    input: string;
    radius: number;
    steps: number;
    start: number[];
    f: number;
    size: number;
    permutation: number[];
    output: number[];
    vectors: number[][];
    krumSelected?: number;
    krumOutput?: number[];
    trimmedMean: number[];
  };
  test.each(goldenCases<BeforeCase>('clipping-mixing-bucketing'))('$rule $input', async (golden) => {
    const updates = updatesFor(golden.input);
    const scale = goldenScale(golden.input);
    if (golden.rule === 'centered-clipping') {
      const decision = granted(await centredClipping(updates, 0, golden, Float64Array.from(golden.start)));
      expectClose(await outputOf(updates, decision), golden.output, Math.max(scale, ...golden.start));
      return;
    }
    const mixed = granted(
      golden.rule === 'nnm'
        ? await mixNearestNeighbours(updates, golden.f)
        : await bucket(updates, golden.size, golden.permutation),
    ).updates;
    const { n, d } = mixed.source;
    const values = new Float64Array(n * d);
    await mixed.source.read(0, d, values);
    expectClose(values, golden.vectors.flat(), scale);
    if (golden.rule === 'bucketing') return;
    const trimmed = granted(await trimmedMean(mixed, golden.f));
    expectClose(await outputOf(mixed, trimmed), golden.trimmedMean, scale);
    if (golden.krumSelected === undefined) return;
    const decision = granted(await krum(mixed, golden.f));
    expect(decision.selected).toEqual([golden.krumSelected]);
    expectClose(await outputOf(mixed, decision), golden.krumOutput ?? [], scale);
  });

  type RefusalCase = { rule: string; n: number; f: number; m: number; trim: number; because: string };
  test.each(goldenCases<RefusalCase>('refusals'))('$rule is refused: $because', async ({ rule, n, f, m, trim }) => {
    const source = goldenBlocks('ties-integers-n16-d8').pick([...Array(n).keys()]);
    const updates = updatesOf(algebra, source);
    const rules: Record<string, () => Promise<Aggregated<Decision>>> = {
      krum: () => krum(updates, f),
      'multi-krum': () => multiKrum(updates, f, m),
      bulyan: () => bulyan(updates, f),
      'trimmed-mean': () => trimmedMean(updates, trim),
    };
    const result = await rules[rule]?.();
    expect(result?.ok).toBe(false);
    expect(result?.ok === false && result.fault.message).toMatch(/\d/);
  });
});
