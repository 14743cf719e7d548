import { admit } from './admission.ts';
import { bucket, seededPermutation } from './before/bucketing.ts';
import { clipAdaptively, clipToNorm } from './before/clipping.ts';
import { mixNearestNeighbours } from './before/nearest-neighbour-mixing.ts';
import { type AggregateSink, memorySink, type UpdateBlocks } from './blocks/blocks.ts';
import type { AggregationEngine } from './engine.ts';
import { enoughRows } from './enough-rows.ts';
import { explain } from './explain.ts';
import { type Aggregated, ok, refuse } from './fault.ts';
import type { TensorSlot } from './geometry.ts';
import type { AggregationPolicy, PreAggregation } from './policy.ts';
import type { AggregationOutcome, BeforeReport } from './report.ts';
import { bulyan } from './rules/bulyan.ts';
import { centredClipping } from './rules/centred-clipping.ts';
import { coordinateMedian, trimmedMean } from './rules/coordinate-wise.ts';
import { geometricMedian } from './rules/geometric-median.ts';
import { krum } from './rules/krum.ts';
import { minimumDiameterAveraging } from './rules/mda.ts';
import { mean } from './rules/mean.ts';
import { multiKrum } from './rules/multi-krum.ts';
import { carryOut, type Decision, type Updates, updatesOf } from './updates.ts';

/** What changes from round to round while the policy stays. */
export type AggregationContext = Readonly<{
  /** For bucketing: what clients could not foresee, the same for a replay (the round's identity and its updates' digests, say). */
  seed?: string;
  /** For centred clipping: the last aggregate, shape [d]; the zero vector when absent. */
  start?: Float64Array;
  /** For the mean: one for each row given, assigned by the coordinator; all equal when absent. */
  weights?: Float64Array;
  /** Names the tensors in explanations; must cover [0, d) in ascending order. */
  slots?: readonly TensorSlot[];
  /** false leaves out of the report what costs more than the decision: scores, neighbours, distances, cosines, tensors. */
  measure?: boolean;
}>;

/**
 * Admits, prepares, decides, then streams one aggregate of shape [d] to `sink` and says why. source: [n, d], rows in an
 * order that does not depend on arrival (ties go to the lower row). Refuses what the policy cannot run on, and then
 * nothing has been written. The aggregate and the report depend on values, policy and context alone.
 */
export async function aggregate(
  policy: AggregationPolicy,
  source: UpdateBlocks,
  engine: AggregationEngine,
  sink: AggregateSink,
  context: AggregationContext = {},
): Promise<Aggregated<AggregationOutcome>> {
  const unfit = checkContext(policy, source, context);
  if (unfit) return unfit;
  const enough = enoughRows(policy, await admit(engine, source, policy.admission));
  if (!enough.ok) return enough;
  const { admission, f, before } = enough.value;
  const rows = admission.refused.length === 0 ? source : source.pick(admission.admitted);
  const admitted = updatesOf(engine, rows, { squaredNorms: admission.squaredNorms });
  const prepared = await prepare(before, admitted, f, context);
  if (!prepared.ok) return prepared;
  const weights = context.weights && Float64Array.from(admission.admitted, (row) => context.weights?.[row] as number);
  const decided = await decide(policy, prepared.value.updates, f, { ...context, ...(weights && { weights }) });
  if (!decided.ok) return decided;
  const aggregated = memorySink(source.d); // One row, to measure the others against.
  await carryOut(engine, decided.value.plan, both(aggregated, sink));
  const report = await explain({
    policy,
    f,
    admission,
    admitted,
    prepared: prepared.value.updates,
    before: prepared.value.before,
    decision: decided.value,
    aggregate: aggregated.values,
    measure: context.measure ?? true,
    ...(context.slots && { slots: context.slots }),
  });
  return ok(report);
}

function checkContext(policy: AggregationPolicy, source: UpdateBlocks, { seed, weights, slots }: AggregationContext) {
  if (policy.before.some(({ kind }) => kind === 'bucketing') && seed === undefined) {
    return refuse('CONTEXT_MISSING', 'bucketing needs a seed that clients could not foresee');
  }
  if (weights !== undefined && weights.length !== source.n) {
    return refuse('LENGTH_MISMATCH', `need one weight for each of the ${source.n} updates, got ${weights.length}`);
  }
  if (
    weights !== undefined &&
    (policy.rule.kind !== 'mean' || policy.before.some(({ kind }) => kind === 'bucketing'))
  ) {
    return refuse('POLICY_INVALID', 'weights are for the mean of single updates only; other rules weigh by themselves');
  }
  const end = slots?.reduce((at, { offset, length }) => (offset === at && length > 0 ? at + length : Number.NaN), 0);
  if (end !== undefined && end !== source.d) {
    return refuse('LENGTH_MISMATCH', `slots must cover the ${source.d} values of an update in order, without gaps`);
  }
  return undefined;
}

type Prepared = Readonly<{ updates: Updates; before: readonly BeforeReport[] }>;

async function prepare(
  steps: readonly PreAggregation[],
  admitted: Updates,
  f: number,
  { seed }: AggregationContext,
): Promise<Aggregated<Prepared>> {
  let updates = admitted;
  const before: BeforeReport[] = [];
  for (const step of steps) {
    if (step.kind === 'clip' || step.kind === 'adaptiveClip') {
      const clipped = step.kind === 'clip' ? await clipToNorm(updates, step.norm) : await clipAdaptively(updates, f);
      if (!clipped.ok) return clipped;
      const { norm, factors } = clipped.value;
      before.push({ kind: step.kind, norm, clippedRows: [...factors.keys()].filter((row) => factors[row] !== 1) });
      updates = clipped.value.updates;
    } else {
      const mixed =
        step.kind === 'bucketing'
          ? await bucket(updates, step.size, seededPermutation(updates.source.n, seed ?? ''))
          : await mixNearestNeighbours(updates, f);
      if (!mixed.ok) return mixed;
      before.push(step.kind === 'bucketing' ? { kind: step.kind, buckets: mixed.value.groups } : { kind: step.kind });
      updates = mixed.value.updates;
    }
  }
  return ok({ updates, before });
}

async function decide(
  { rule }: AggregationPolicy,
  updates: Updates,
  f: number,
  context: AggregationContext,
): Promise<Aggregated<Decision>> {
  switch (rule.kind) {
    case 'mean':
      return mean(updates, context.weights);
    case 'krum':
      return krum(updates, f);
    case 'multiKrum':
      return multiKrum(updates, f, rule.keep.kind === 'count' ? rule.keep.updates : updates.source.n - f);
    case 'bulyan':
      return bulyan(updates, f);
    case 'coordinateMedian':
      return coordinateMedian(updates, f);
    case 'trimmedMean':
      return trimmedMean(updates, f);
    case 'geometricMedian':
      return geometricMedian(updates, f, { ...rule, start: 'mean' });
    case 'centredClipping':
      return centredClipping(updates, f, rule, context.start);
    case 'minimumDiameterAveraging':
      return minimumDiameterAveraging(updates, f);
  }
}

function both(first: AggregateSink, second: AggregateSink): AggregateSink {
  return {
    async write(offset, values) {
      await first.write(offset, values);
      await second.write(offset, values);
    },
  };
}
