import { type Admission, admit, refuseMore } from './admission.ts';
import { bucket, seededPermutation } from './before/bucketing.ts';
import { clipAdaptively, clipToNorm } from './before/clipping.ts';
import { mixNearestNeighbours } from './before/nearest-neighbour-mixing.ts';
import type { AggregateSink, UpdateBlocks } from './blocks/blocks.ts';
import { checkClasses, type DeclaredClasses, pickDeclared } from './class-blocks.ts';
import { knownDistances } from './distances/known-distances.ts';
import { enoughRows } from './enough-rows.ts';
import { explain } from './explain.ts';
import { type Aggregated, ok, refuse } from './fault.ts';
import type { TensorSlot } from './geometry.ts';
import type { DistanceMatrix, LinearAlgebra } from './linear-algebra.ts';
import { type AggregationPolicy, asksOf, type PreAggregation } from './policy.ts';
import type { AggregationOutcome, BeforeReport } from './report.ts';
import { bulyan } from './rules/bulyan.ts';
import { centredClipping } from './rules/centred-clipping.ts';
import { coordinateMedian, trimmedMean } from './rules/coordinate-wise.ts';
import { declaredHolders } from './rules/declared-holders.ts';
import { fltrust } from './rules/fltrust.ts';
import { geometricMedian } from './rules/geometric-median.ts';
import { krum } from './rules/krum.ts';
import { minimumDiameterAveraging } from './rules/mda.ts';
import { mean } from './rules/mean.ts';
import { multiKrum } from './rules/multi-krum.ts';
import { trustedWeights } from './rules/trusted-weights.ts';
import { carryOutSettled } from './settle.ts';
import { refuseShapes, type UpdateShape } from './shape.ts';
import type { TrustedSample } from './trusted/trusted-loss.ts';
import { type Decision, type Updates, updatesOf } from './updates.ts';

/** What changes from round to round while the policy stays. */
export type AggregationContext = Readonly<{
  /** For bucketing: what clients could not foresee, the same for a replay (the round's identity and its updates' digests, say). */
  seed?: string;
  /** For centred clipping: the last aggregate, shape [d]; the zero vector when absent. */
  start?: Float64Array;
  /** For the mean: one for each row given, assigned by the coordinator; all equal when absent. */
  weights?: Float64Array;
  /**
   * The weights that updates are added to, shape [d]: for rules that look at a trusted sample or at declared classes, and for
   * all of them to leave the model as it is where nothing was learnt (`settle.ts`).
   */
  base?: Float32Array;
  /** Needed or used by the rules that `asksOf` says. */
  trusted?: TrustedSample;
  /** One entry of `declared` for each row given. */
  classes?: DeclaredClasses;
  /** Squared distances of these rows, ascending, where they were computed elsewhere already, with true bounds. */
  distances?: (rows: readonly number[]) => DistanceMatrix;
  /** Where every honest update has one shape: others are refused, by their sender's fault. Needs `base` and `classes`. */
  shape?: UpdateShape;
  /** Names the tensors in explanations; must cover [0, d) in ascending order. */
  slots?: readonly TensorSlot[];
  /** Asks for each update's place beside the others: the seed of what stands for them. */
  places?: string;
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
  algebra: LinearAlgebra,
  sink: AggregateSink,
  context: AggregationContext = {},
): Promise<Aggregated<AggregationOutcome>> {
  const unfit = checkContext(policy, source, context);
  if (unfit) return unfit;
  const enough = enoughRows(policy, await admitted(policy, source, algebra, context));
  if (!enough.ok) return enough;
  const { admission, f, before } = enough.value;
  const rows = admission.refused.length === 0 ? source : source.pick(admission.admitted);
  const { distances } = context;
  const updates = updatesOf(algebra, rows, {
    squaredNorms: admission.squaredNorms,
    ...(distances && { distances: async () => knownDistances(algebra, rows, distances(admission.admitted)) }),
  });
  const prepared = await prepare(before, updates, f, context);
  if (!prepared.ok) return prepared;
  const weights = context.weights && Float64Array.from(admission.admitted, (row) => context.weights?.[row] as number);
  const classes = context.classes && pickDeclared(context.classes, admission.admitted);
  const ofAdmitted = { ...context, ...(weights && { weights }), ...(classes && { classes }) };
  const decided = await decide(policy, prepared.value.updates, f, ofAdmitted);
  if (!decided.ok) return decided;
  const { aggregated, settled } = await carryOutSettled(algebra, decided.value.plan, sink, source.d, context.base);
  const report = await explain({
    policy,
    f,
    admission,
    admitted: updates,
    prepared: prepared.value.updates,
    before: prepared.value.before,
    decision: decided.value,
    aggregate: aggregated, // One row, to measure the others against.
    settled,
    measure: context.measure ?? true,
    ...(context.slots && { slots: context.slots }),
    ...(context.places !== undefined && { places: context.places }),
  });
  return ok(report);
}

/** Admission by values, then by shape: what is no number at all has none. */
async function admitted(
  policy: AggregationPolicy,
  source: UpdateBlocks,
  algebra: LinearAlgebra,
  { shape, base, classes }: AggregationContext,
): Promise<Admission> {
  const byValue = await admit(algebra, source, policy.admission);
  if (shape === undefined || base === undefined || classes === undefined) return byValue;
  const rows = source.pick(byValue.admitted);
  const wrong = await refuseShapes(rows, base, shape, pickDeclared(classes, byValue.admitted));
  return refuseMore(
    byValue,
    wrong.map((update) => ({ ...update, row: byValue.admitted[update.row] as number })),
  );
}

function checkContext(policy: AggregationPolicy, source: UpdateBlocks, context: AggregationContext) {
  const { seed, weights, slots, base, trusted, classes, shape } = context;
  const asks = asksOf(policy.rule);
  if (asks.sample === 'needed' && trusted === undefined) {
    return refuse(
      'CONTEXT_MISSING',
      `${policy.rule.kind} decides by a trusted sample, and the track has none: put one, or choose another rule`,
    );
  }
  if (asks.classes === 'needed' && classes === undefined) {
    return refuse(
      'CONTEXT_MISSING',
      `${policy.rule.kind} aggregates by declared class, and this layout has no blocks by class: choose another rule`,
    );
  }
  if (base === undefined && (asks.sample !== 'no' || asks.classes !== 'no' || shape !== undefined)) {
    return refuse('CONTEXT_MISSING', `${policy.rule.kind} needs the weights that updates are added to`);
  }
  if (base !== undefined && base.length !== source.d) {
    return refuse('LENGTH_MISMATCH', `the base has ${base.length} values where updates have ${source.d}`);
  }
  if (shape !== undefined && classes === undefined) {
    return refuse('CONTEXT_MISSING', 'admission by shape needs the classes that every update declares');
  }
  const checked = classes && checkClasses(classes, source.n, source.d);
  if (checked && !checked.ok) return checked;
  if (
    asks.classes !== 'no' &&
    classes &&
    policy.before.some(({ kind }) => kind !== 'clip' && kind !== 'adaptiveClip')
  ) {
    return refuse(
      'POLICY_INVALID',
      'mixing and bucketing make rows of several senders, who declare different classes: aggregate by class without them',
    );
  }
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
  const { base = new Float32Array(0), trusted, classes } = context;
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
    case 'trustedWeights':
      return trustedWeights(updates, f, rule, {
        ...{ trusted: given(trusted), base, measure: context.measure ?? true },
        ...(classes && { classes }),
      });
    case 'fltrust':
      return fltrust(updates, f, { trusted: given(trusted), base });
    case 'declaredHolders':
      return declaredHolders(updates, f, rule, {
        base,
        classes: given(classes),
        ...(trusted && { loss: trusted.loss }),
      });
  }
}

/** `checkContext` has refused policies that ask for what is not there. */
function given<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('the context was not checked against the rule');
  return value;
}
