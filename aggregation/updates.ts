import { type AggregateSink, memorySink, type UpdateBlocks } from './blocks/blocks.ts';
import { oneRow } from './blocks/row-values.ts';
import type { ColumnRange } from './class-blocks.ts';
import { type KnownDistances, knownDistances } from './distances/known-distances.ts';
import type { ColumnReduction, LinearAlgebra } from './linear-algebra.ts';

/**
 * What rules and pre-aggregations work on: admitted rows, and what is known of them, computed once and only when asked
 * for. Pre-aggregations are functions from Updates to Updates, rules from Updates to a Decision.
 */
export interface Updates {
  readonly algebra: LinearAlgebra;
  readonly source: UpdateBlocks;
  /** Exact ‖x_i‖², shape [n]. */
  squaredNorms(): Promise<Float64Array>;
  distances(): Promise<KnownDistances>;
}

/** What a rule decided; `carryOut` computes it. `source` may hold other rows than the rule was given: some, or one more. */
export type Plan = Readonly<
  | { kind: 'combine'; source: UpdateBlocks; weights: Float64Array; divisor: number }
  | { kind: 'columns'; source: UpdateBlocks; reduction: ColumnReduction }
  | { kind: 'blocks'; d: number; parts: readonly BlockPlan[] }
>;

/** What becomes of the coordinates in `ranges`: a plan over sources that hold these columns alone. Parts cover [0, d). */
export type BlockPlan = Readonly<{ ranges: readonly ColumnRange[]; plan: Plan }>;

/**
 * `selected`: rows that take part in the aggregate, ascending. `shares`, shape [n]: what part of the aggregate each row
 * makes, where the rule is linear in the rows it chose. `convergence`: of iterative rules only.
 */
export type Decision = Readonly<{
  plan: Plan;
  selected: readonly number[];
  shares?: Float64Array;
  convergence?: Convergence;
  /** Of rules that looked at a trusted sample, or at declared classes. */
  onSample?: OnSample;
  classes?: readonly ClassVerdict[];
}>;

/**
 * What a trusted sample said. `lossBefore`, `lossAfter`: of the base, and of the base with the aggregate added.
 * `slopes`, shape [n]: how the loss changes along each row there, per whole row; negative where the row teaches what the
 * sample holds. `gradient`, shape [d]: the loss's, there, where it is known. `toldApart`: where what came out was moved for the
 * sample's attacks; slopes and gradient are those of before.
 */
export type OnSample = Readonly<{
  lossBefore: number;
  lossAfter: number;
  slopes: Float64Array;
  gradient?: Float32Array;
  toldApart?: ToldApart;
}>;

/**
 * How an aggregate was moved to where the model tells the sample's attacks from its normal work. `moved`: how far, as a part of the
 * aggregate's length. Before and after: how badly attacks are told apart, and the loss on normal work.
 */
export type ToldApart = Readonly<{
  moved: number;
  attacksBefore: number;
  attacksAfter: number;
  normalBefore: number;
  normalAfter: number;
}>;

/**
 * How one class was aggregated. `holders`: rows that declare it; `leftOut`: those that were not counted; `f`: how many
 * liars among its holders this withstands; `text`: that in a sentence, for people.
 */
export type ClassVerdict = Readonly<{
  class: string;
  covered: boolean;
  holders: readonly number[];
  leftOut: readonly number[];
  f: number;
  text: string;
}>;

/** `movedAtMost`: bound on how far the last step moved, relative to the mean distance from the point to the updates. */
export type Convergence = Readonly<{ steps: number; converged: boolean; movedAtMost: number }>;

/** Rows as they came. `known` carries over what the caller has computed already. */
export function updatesOf(
  algebra: LinearAlgebra,
  source: UpdateBlocks,
  known: Readonly<{ squaredNorms?: Float64Array; distances?: () => Promise<KnownDistances> }> = {},
): Updates {
  const { squaredNorms } = known;
  return {
    algebra,
    source,
    squaredNorms: once(async () => squaredNorms ?? (await squaredNormsOf(algebra, source))),
    distances: once(
      known.distances ?? (async () => knownDistances(algebra, source, await algebra.squaredDistances(source))),
    ),
  };
}

/** Exact ‖x_i‖², shape [n]. NaN or infinite exactly for rows that hold a value that is not finite. */
export function squaredNormsOf(algebra: LinearAlgebra, source: UpdateBlocks): Promise<Float64Array> {
  return algebra.distancesToMean(source, new Float64Array(source.n)); // To the zero vector, that is.
}

/** Parts by block are put together in one array of d values first: their ranges may interleave, a sink wants them in order. */
export async function carryOut(algebra: LinearAlgebra, plan: Plan, sink: AggregateSink): Promise<void> {
  if (plan.kind === 'blocks') return sink.write(0, await blockByBlock(algebra, plan));
  if (plan.kind === 'columns') return algebra.reduceColumns(plan.source, plan.reduction, sink);
  const { source, weights, divisor } = ofStoredRows(plan);
  return algebra.combine(source, weights, divisor, sink);
}

async function blockByBlock(
  algebra: LinearAlgebra,
  { d, parts }: Extract<Plan, { kind: 'blocks' }>,
): Promise<Float64Array> {
  const whole = new Float64Array(d);
  for (const { ranges, plan } of parts) {
    const part = memorySink(ranges.reduce((sum, { length }) => sum + length, 0));
    await carryOut(algebra, plan, part);
    let at = 0;
    for (const { offset, length } of ranges) {
      whole.set(part.values.subarray(at, at + length), offset);
      at += length;
    }
  }
  return whole;
}

type Combination = Extract<Plan, { kind: 'combine' }>;

/**
 * The same sum over the rows that computed rows are made of, so that they need not be computed. Means of equally large
 * groups stay sums of whole multiples: nothing is rounded that was not before.
 */
function ofStoredRows(plan: Combination): Combination {
  const { madeFrom } = plan.source;
  if (madeFrom === undefined) return plan;
  const { base, rowSums } = madeFrom;
  const [first] = rowSums;
  const common = rowSums.every(({ divisor }) => divisor === first?.divisor) ? (first?.divisor ?? 1) : 1;
  const weights = new Float64Array(base.n);
  rowSums.forEach(({ members, factors, divisor }, row) => {
    const weight = (plan.weights[row] as number) / (divisor / common);
    members.forEach((member, t) => {
      weights[member] = (weights[member] as number) + weight * (factors[t] as number);
    });
  });
  return ofStoredRows({ kind: 'combine', source: base, weights, divisor: plan.divisor * common });
}

/** The mean of the given rows. */
export function meanOfRows(source: UpdateBlocks, rows: readonly number[]): Decision {
  const weights = new Float64Array(source.n);
  for (const row of rows) weights[row] = 1;
  const shares = weights.map((weight) => weight / rows.length);
  return { plan: { kind: 'combine', source, weights, divisor: rows.length }, selected: rows, shares };
}

/** The values themselves, as a plan; shape [length]. */
export function ofOneRow(values: Float64Array): Extract<Plan, { kind: 'combine' }> {
  return { kind: 'combine', source: oneRow(values), weights: Float64Array.of(1), divisor: 1 };
}

/** Computed when it is first asked for, and then kept. */
export function once<Value>(compute: () => Promise<Value>): () => Promise<Value> {
  let value: Promise<Value> | undefined;
  return () => {
    value ??= compute();
    return value;
  };
}
