import { memoryBlocks, type UpdateBlocks } from '../blocks/blocks.ts';
import { columnsIn } from '../blocks/columns.ts';
import { rowValues } from '../blocks/row-values.ts';
import { type ClassBlock, type ColumnRange, type DeclaredClasses, holdersOf, sharedRanges } from '../class-blocks.ts';
import { type Aggregated, ok, refuse } from '../fault.ts';
import type { LinearAlgebra } from '../linear-algebra.ts';
import { needs, refuseInteger, refusePositive, refuseRows } from '../requirements.ts';
import { clippedToMedian, medianOf } from '../trusted/clipped-rows.ts';
import { leastLoss } from '../trusted/least-loss.ts';
import { lossByGradient, lossByOutputs, movedBy, times, weightedSum } from '../trusted/losses-along.ts';
import type { SampleSearch } from '../trusted/sample-descent.ts';
import type { LinearOutputs, TrustedLoss, TrustedSample } from '../trusted/trusted-loss.ts';
import { type BlockPlan, type Decision, ofOneRow, once, squaredNormsOf, type Updates, updatesOf } from '../updates.ts';
import { type BlindRule, blindBlock, heardRows, letThrough, verdictOf } from './blind-block.ts';
import { allPlaced, type BlockValues, gathered, placed } from './block-values.ts';
import { allRows } from './coordinate-wise.ts';
import { contrasted, takenBack } from './sample-contrast.ts';
import { type DoubtSample, toldApart } from './told-apart.ts';

/**
 * `rho`: how hard shares are pulled to 1/n. `clip`: no update is longer than so many times the median. `split`: what
 * the sample sees and what it does not are clipped apart (models whose outputs are linear in their weights only). `blind`:
 * what becomes of the block of a class that the sample does not cover, where classes are declared. `tellApart`: what came out is
 * moved to where it tells the sample's attacks from its normal work (`told-apart.ts`), for losses that know only normal work. `search`:
 * how these two look for a lower loss on the sample; absent: `eightHalvings`, as policies of earlier builds have it. `doubtSample`:
 * when nothing is moved, since the sample's attacks may be normal work: what clusters agreed on tells them no better than chance.
 */
export type TrustedWeightsParameters = Readonly<{
  rho: number;
  clip: number;
  split: boolean;
  stepsMax: number;
  blind: BlindRule;
  tellApart?: boolean | undefined;
  search?: SampleSearch | undefined;
  doubtSample?: DoubtSample | undefined;
}>;

/**
 * Trusted weights: every update gets the share that makes the model best on a trusted sample,
 *
 *     a = argmin L(w + Σ a_i u_i) + ½ ρ L(w) n ‖a − 1/n‖²   over   0 ≤ a_i ≤ 1/(n − f), Σ a_i = 1
 *
 * L the class-balanced loss on the sample, u_i the update clipped to `clip` times the median norm; aggregate Σ a_i u_i.
 * The loss decides on updates together, not one by one: what only one cluster knows lowers it most. The cap keeps f liars
 * from taking the place of more than f others.
 *
 * Proved, for a convex L and any f < n: L(w + aggregate) ≤ L(w + clipped honest mean) + ½ ρ f/(n − f) L(w), since the
 * honest mean is one of the points minimised over. No majority is needed for that; the median norm is an honest one only where
 * f < n/2. Nothing is proved about classes that the sample does not cover, or for networks; docs/benchmarks/robustness.md
 * measures both. Kin: FLTrust (Cao et al., NDSS 2021) and Zeno (Xie et al., ICML 2019) score updates one at a time.
 *
 * Shapes: updates [n, d], base [d] → [d]. n + 1 forward passes over the sample where outputs are linear, else a gradient on
 * the sample and two passes over [n, d] a step. O(n · block) memory and a few vectors; n × d where split.
 */
export async function trustedWeights(
  updates: Updates,
  f: number,
  parameters: TrustedWeightsParameters,
  context: TrustedContext,
): Promise<Aggregated<Decision>> {
  const decided = await byWeights(updates, f, parameters, context);
  if (!decided.ok || !parameters.tellApart) return decided;
  const { doubtSample = false } = parameters;
  return ok(await toldApart(updates, decided.value, { ...context, search: searchOf(parameters), doubtSample }));
}

function searchOf({ search = 'eightHalvings' }: TrustedWeightsParameters): SampleSearch {
  return search;
}

type TrustedContext = Readonly<{
  trusted: TrustedSample;
  base: Float32Array;
  classes?: DeclaredClasses;
  /** Whether to find a gradient for the explanation where deciding needed none. */
  measure?: boolean;
}>;

async function byWeights(
  updates: Updates,
  f: number,
  parameters: TrustedWeightsParameters,
  context: TrustedContext,
): Promise<Aggregated<Decision>> {
  const { source, algebra } = updates;
  const { n, d } = source;
  const { rho, clip, split, stepsMax, blind } = parameters;
  const { trusted, base, classes, measure = true } = context;
  const { linear, gradient } = trusted.loss;
  const refused =
    refuseRows(needs.trusted, n, f) ??
    refusePositive('rho', rho) ??
    refusePositive('clip', clip) ??
    refuseInteger('PARAMETER_OUT_OF_RANGE', 'stepsMax', stepsMax, 1, 1000);
  if (refused) return refused;
  if (split && linear === undefined) {
    return refuse(
      'POLICY_INVALID',
      'split clipping is for models whose outputs are linear in their weights; set split to false',
    );
  }
  const blocks = blocksOf(classes, d);
  const inside = split && linear ? await insideOf(linear, source) : undefined;
  const clipped = await clippedToMedian(algebra, source, { times: clip, blocks, ...(inside && { inside }) });
  const lossOf =
    linear !== undefined
      ? await lossByOutputs(linear, base, clipped)
      : gradient && lossByGradient(gradient, base, clipped, algebra);
  if (lossOf === undefined) {
    return refuse(
      'POLICY_INVALID',
      'trusted weights need a detector that gives its loss a gradient; choose another rule',
    );
  }
  const { loss: lossBefore } =
    linear === undefined && gradient ? await gradient(base) : await lossOf(new Float64Array(n));
  const found = await leastLoss(lossOf, n, { cap: 1 / (n - f), pull: rho * lossBefore * n, stepsMax });
  const { shares, at, convergence } = found;
  const weights = times(shares, clipped.factors);
  const byShares = once(() => weightedSum(algebra, clipped.rows, weights));
  const there =
    at.gradient ?? (measure && gradient ? (await gradient(movedBy(base, await byShares()))).gradient : undefined);
  const onSample = { lossBefore, lossAfter: at.loss, slopes: at.slopes, ...(there && { gradient: there }) };
  const decision = { selected: allRows(n).filter((row) => shares[row] !== 0), shares, convergence, onSample };
  const whole = { kind: 'combine', source: clipped.rows, weights, divisor: 1 } as const;
  if (classes === undefined) return ok({ plan: whole, ...decision });
  const isCovered = (name: string) => trusted.loss.covered.includes(name);
  const heard = heardRows(at.slopes);
  const blindBlocks = blind === 'shares' ? [] : classes.blocks.filter(({ class: name }) => !isCovered(name));
  const asked = blindBlocks.filter(({ class: name }) => holdersOf(classes, name).length > 0);
  const parts: BlockPlan[] = [];
  const taken = new Map<string, number>();
  if (blind !== 'shares' && asked.length > 0) {
    const normsByClass =
      clipped.norms?.slice(0, classes.blocks.length) ?? (await normsIn(algebra, source, classes.blocks));
    const normMax = clip * longestOrdinary(normsByClass);
    const told = await blocksOfHolders(updates, classes, asked, { heard, blind, normMax });
    if (!told.ok) return told;
    const known = zeroIn(await byShares(), asked);
    const lossAt = async (delta: Float64Array) => meanOf(await trusted.loss.losses(movedBy(base, delta)));
    const pull = lossBefore / normMax ** 2;
    const said =
      blind === 'contrast' && gradient
        ? await contrastEach(gradient, { base, known, pull, search: searchOf(parameters) }, told.value)
        : told.value;
    asked.forEach(({ class: name }, block) => {
      taken.set(name, takenBack(told.value[block] as BlockValues, said[block] as BlockValues));
    });
    const scales = await letThrough(lossAt, known, said, risesMax * lossBefore);
    said.forEach(({ ranges, values }, block) => {
      const through = scales[block] as number;
      parts.push({ ranges, plan: ofOneRow(values.map((value) => through * value)) });
    });
  }
  const rest = sharedRanges(asked, d);
  if (rest.length > 0) {
    // What stands there was summed already where a blind block was asked about.
    const summed = asked.length > 0 && blind !== 'shares';
    const own = summed
      ? ofOneRow(gathered(await byShares(), rest))
      : { ...whole, source: columnsIn(clipped.rows, rest) };
    parts.push({ ranges: rest, plan: own });
  }
  const verdicts = classes.blocks.map(({ class: name }) => {
    const holders = holdersOf(classes, name);
    return verdictOf(name, { covered: isCovered(name), blind, holders, heard, takenBack: taken.get(name) ?? 0, f });
  });
  return ok({ plan: { kind: 'blocks', d, parts }, ...decision, classes: verdicts });
}

/** By how much of the loss before a blind block may raise it: learning a class costs others a little. */
const risesMax = 0.1;

/** Norms of every row in each class's block, shape [n] each. */
async function normsIn(
  algebra: LinearAlgebra,
  source: UpdateBlocks,
  blocks: readonly ClassBlock[],
): Promise<Float64Array[]> {
  const norms: Float64Array[] = [];
  for (const { ranges } of blocks) {
    norms.push((await squaredNormsOf(algebra, columnsIn(source, ranges))).map(Math.sqrt));
  }
  return norms;
}

/** The median over all rows of each one's longest block: a bound that holds where all who declare a class lie. */
function longestOrdinary(norms: readonly Float64Array[]): number {
  const longest = Float64Array.from(norms[0] ?? [], (_, row) => Math.max(...norms.map((each) => each[row] as number)));
  return Math.max(medianOf(longest), Number.MIN_VALUE);
}

/** What those who declare them and are heard say in these blocks, one after another; nothing where nobody is heard. */
async function blocksOfHolders(
  { algebra, source }: Updates,
  classes: DeclaredClasses,
  asked: readonly ClassBlock[],
  {
    heard,
    blind,
    normMax,
  }: Readonly<{ heard: readonly boolean[]; blind: Exclude<BlindRule, 'shares'>; normMax: number }>,
): Promise<Aggregated<BlockValues[]>> {
  const found = [];
  for (const { class: name, ranges } of asked) {
    const columns = columnsIn(source, ranges);
    const rows = holdersOf(classes, name).filter((row) => heard[row]);
    const block: Aggregated<Float64Array> =
      rows.length === 0
        ? ok(new Float64Array(columns.d))
        : await blindBlock(updatesOf(algebra, columns.pick(rows)), blind, normMax);
    if (!block.ok) return block;
    found.push({ ranges, values: block.value });
  }
  return ok(found);
}

/** All blocks that somebody speaks of, contrasted together; where nobody is heard a block stays as it was. */
async function contrastEach(
  gradient: NonNullable<TrustedLoss['gradient']>,
  { base, known, ...how }: Readonly<{ base: Float32Array; known: Float64Array; pull: number; search: SampleSearch }>,
  told: readonly BlockValues[],
): Promise<BlockValues[]> {
  const isSaid = ({ values }: BlockValues) => values.some((value) => value !== 0);
  const all = allPlaced(known, told, 1);
  const ranges = told.filter(isSaid).flatMap((block) => block.ranges);
  const { values } = await contrasted(gradient, base, known, { ranges, values: gathered(all, ranges) }, how);
  const after = placed(known, { ranges, values }, 1);
  return told.map((block) => ({ ranges: block.ranges, values: gathered(after, block.ranges) }));
}

/** The values, but zero in these blocks. Shape [d]. */
function zeroIn(values: Float64Array, blocks: readonly ClassBlock[]): Float64Array {
  const left = values.slice();
  for (const { offset, length } of blocks.flatMap(({ ranges }) => ranges)) left.fill(0, offset, offset + length);
  return left;
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function blocksOf(classes: DeclaredClasses | undefined, d: number): (readonly ColumnRange[])[] {
  if (classes === undefined) return [[{ offset: 0, length: d }]];
  const shared = sharedRanges(classes.blocks, d);
  return [...classes.blocks.map(({ ranges }) => ranges), ...(shared.length > 0 ? [shared] : [])];
}

async function insideOf(linear: LinearOutputs, source: UpdateBlocks): Promise<UpdateBlocks> {
  const rows: Float32Array[] = [];
  for (let row = 0; row < source.n; row++) rows.push(linear.inside(await rowValues(source, row)));
  const blocks = memoryBlocks(rows);
  if (!blocks.ok) throw new RangeError(blocks.fault.message); // As many values as the rows that it was given.
  return blocks.value;
}
