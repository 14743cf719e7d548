import type { Admission } from './admission.ts';
import { columnsIn } from './blocks/columns.ts';
import { rowsMadeFrom, sharesOfOrigin } from './blocks/shares.ts';
import { nearestOthers } from './distances/nearest.ts';
import { roundedScores } from './distances/neighbour-scores.ts';
import type { TensorSlot } from './geometry.ts';
import { type Place, placesOf } from './places/places.ts';
import { Sketch } from './places/sketch.ts';
import type { AggregationPolicy, Rule } from './policy.ts';
import type { AggregationOutcome, AggregationReport, BeforeReport, ReasonCode, UpdateReport } from './report.ts';
import { krumQuestion } from './rules/krum.ts';
import type { ClassVerdict, Decision, OnSample, Updates } from './updates.ts';

/** What there is to explain: the rows admitted, what they were prepared into, and what the rule made of that. */
export type Explained = Readonly<{
  policy: AggregationPolicy;
  f: number;
  admission: Admission;
  admitted: Updates;
  prepared: Updates;
  before: readonly BeforeReport[];
  decision: Decision;
  aggregate: Float64Array;
  settled: boolean;
  slots?: readonly TensorSlot[];
  /** The seed of places, where they are asked for. */
  places?: string;
  measure: boolean;
}>;

const neighboursShown = 3;
const tensorsShown = 3;

/** The report on every row given. `measure` asks for scores and neighbours, and for one more pass over the updates. */
export async function explain(explained: Explained): Promise<AggregationOutcome> {
  const { policy, admission, admitted, prepared, decision } = explained;
  const made = rowsMadeFrom(prepared.source, admitted.source);
  const shares = decision.shares && sharesOfOrigin(prepared.source, admitted.source, decision.shares);
  const scores = explained.measure ? await scoresOf(explained) : undefined;
  const neighbours = explained.measure ? await neighboursOf(explained) : [];
  const { measured, map } = await measure(explained);
  const chosen = new Set(decision.selected);
  const selected = admission.admitted.map((_, at) =>
    shares ? (shares[at] as number) !== 0 : (made[at] as number[]).some((row) => chosen.has(row)),
  );
  const worstKept = scores && Math.max(...decision.selected.map((row) => scores[row] as number));
  const onSample = await onSampleOf(explained);
  const admittedReports = admission.admitted.map((row, at): UpdateReport => {
    const score = scores?.[became(at, explained.before)] ?? null;
    const sampled = onSample(at);
    return {
      row,
      verdict: selected[at] ? 'selected' : 'leftOut',
      reason: noteKept(
        admission,
        row,
        selected[at] ? takesPart(shares?.[at], sampled) : whyLeftOut(explained, score, worstKept, sampled),
      ),
      norm: Math.sqrt(admission.squaredNorms[at] as number),
      share: shares?.[at] ?? null,
      score,
      neighbours: (neighbours[at] ?? []).map((other) => admission.admitted[other] as number),
      ...measured(at),
      ...sampled,
    };
  });
  const refusedReports = admission.refused.map(({ row, code, norm, message }): UpdateReport => {
    const reason = { code, text: message };
    return { row, verdict: 'refused', reason, norm, share: null, score: null, neighbours: [], ...unmeasured };
  });
  const distances = usesDistances(explained) ? [await admitted.distances(), await prepared.distances()] : [];
  return {
    report: {
      policy,
      n: admission.admitted.length + admission.refused.length,
      nAdmitted: admission.admitted.length,
      fApplied: explained.f,
      before: namedRows(explained.before, admission.admitted),
      convergence: decision.convergence ?? null,
      ...(explained.settled && { settled: true }),
      ...(map && { map }),
      ...(decision.onSample && { onSample: lossesOf(decision.onSample) }),
      ...(decision.classes && { classes: decision.classes.map((each) => namedClass(each, admission.admitted)) }),
      updates: [...admittedReports, ...refusedReports].sort((a, b) => a.row - b.row),
    },
    settledPairs: [...new Set(distances)].reduce((sum, { settledPairs }) => sum + settledPairs, 0),
  };
}

const lossesOf = ({ lossBefore, lossAfter, toldApart }: OnSample) => ({
  ...{ lossBefore, lossAfter },
  ...(toldApart && { toldApart }),
});

/** Positions among the admitted as rows given. */
function namedClass(verdict: ClassVerdict, admitted: readonly number[]): ClassVerdict {
  const named = (rows: readonly number[]) => rows.map((row) => admitted[row] as number);
  return { ...verdict, holders: named(verdict.holders), leftOut: named(verdict.leftOut) };
}

/** A function from an admitted row to what the trusted sample says of it; by tensor where the rule knew a gradient. */
async function onSampleOf({ decision, prepared, slots, measure, before }: Explained) {
  const { onSample } = decision;
  if (onSample === undefined) return () => undefined;
  const { slopes, gradient } = onSample;
  const bySlot: Float64Array[] = [];
  if (measure && slots && gradient) {
    // One after another: each holds a block of every row, and opens every file where rows lie in files.
    for (const slot of slots) bySlot.push(await slopesIn(prepared, gradient, slot));
  }
  return (at: number): Pick<UpdateReport, 'onSample'> => {
    const row = became(at, before);
    const tensors = (slots ?? [])
      .flatMap(({ name }, slot) => (bySlot[slot] ? [{ name, slope: bySlot[slot][row] as number }] : []))
      .sort((a, b) => Math.abs(b.slope) - Math.abs(a.slope) || (a.name < b.name ? -1 : 1))
      .slice(0, tensorsShown);
    return { onSample: { slope: slopes[row] as number, tensors } };
  };
}

function slopesIn(
  { algebra, source }: Updates,
  gradient: Float32Array,
  { offset, length }: TensorSlot,
): Promise<Float64Array> {
  return algebra.dots(columnsIn(source, [{ offset, length }]), gradient.subarray(offset, offset + length));
}

/** Says of an update that was to be refused why it is there all the same. */
function noteKept({ kept }: Admission, row: number, reason: UpdateReport['reason']): UpdateReport['reason'] {
  const update = kept.find((each) => each.row === row);
  if (update === undefined) return reason;
  return {
    ...reason,
    text: `${reason.text}; kept although ${update.code}, since without it the rest is too few for f`,
  };
}

/** The prepared row that stands for an admitted one: mixing and clipping keep places, bucketing gathers them. */
function became(row: number, before: readonly BeforeReport[]): number {
  return before.reduce(
    (at, step) => (step.kind === 'bucketing' ? step.buckets.findIndex((bucket) => bucket.includes(at)) : at),
    row,
  );
}

/** Positions among the admitted as rows given; once rows are gathered in buckets, later steps speak of buckets. */
function namedRows(before: readonly BeforeReport[], admitted: readonly number[]): BeforeReport[] {
  let names: readonly number[] = admitted;
  const named = (rows: readonly number[]) => rows.map((row) => names[row] as number);
  return before.map((step) => {
    if (step.kind === 'nearestNeighbourMixing') return step;
    if (step.kind !== 'bucketing') return { ...step, clippedRows: named(step.clippedRows) };
    const buckets = step.buckets.map(named);
    names = [...buckets.keys()];
    return { ...step, buckets };
  });
}

const scored: readonly Rule['kind'][] = ['krum', 'multiKrum', 'bulyan'];

function usesDistances({ policy }: Explained): boolean {
  const { kind } = policy.rule;
  return scored.includes(kind) || kind === 'minimumDiameterAveraging';
}

/** Krum scores of the prepared rows; Bulyan's are those of its first pick. */
async function scoresOf({ policy, prepared, f }: Explained): Promise<Float64Array | undefined> {
  return scored.includes(policy.rule.kind) ? roundedScores(await krumQuestion(prepared, f)) : undefined;
}

async function neighboursOf(explained: Explained): Promise<number[][]> {
  const { admitted } = explained;
  const mixes = explained.before.some(({ kind }) => kind === 'nearestNeighbourMixing');
  if (!usesDistances(explained) && !mixes) return [];
  const { n } = admitted.source;
  return nearestOthers(await admitted.distances(), [...Array(n).keys()], Math.min(neighboursShown, n - 1));
}

const unmeasured = { cosine: null, distance: null, tensors: [] } as const;

type Measured = Readonly<{
  measured(at: number): Pick<UpdateReport, keyof typeof unmeasured | 'place'>;
  map: AggregationReport['map'];
}>;

/** A function from an admitted row to how it lies to the aggregate, and beside the others. */
async function measure(explained: Explained): Promise<Measured> {
  const { aggregate, admitted, admission, places: seed } = explained;
  if (!explained.measure) return { measured: () => unmeasured, map: undefined };
  const slots = explained.slots ?? [{ name: '', offset: 0, length: aggregate.length }];
  const { n, d } = admitted.source;
  const sketch = seed === undefined ? undefined : new Sketch(n + 1, d, seed);
  const { squaredDistances, dots, squaredNorm } = await admitted.algebra.geometry(
    admitted.source,
    aggregate,
    slots,
    sketch,
  );
  const places = sketch && placesOf(sketch.values, clipFactors(explained));
  const measured: Measured['measured'] = (at) => {
    const parts = squaredDistances.subarray(at * slots.length, (at + 1) * slots.length);
    const squared = parts.reduce((sum, part) => sum + part, 0);
    const norms = Math.sqrt(squaredNorm) * Math.sqrt(admission.squaredNorms[at] as number);
    return {
      cosine: norms === 0 ? null : Math.max(-1, Math.min(1, (dots[at] as number) / norms)),
      distance: Math.sqrt(squared),
      tensors: explained.slots === undefined || squared === 0 ? [] : largest(explained.slots, parts, squared),
      ...(places && { place: places.rows[at] as Place }),
    };
  };
  return { measured, map: places && { share: places.share, aggregate: places.aggregate } };
}

/** What clipping multiplied each admitted row with; what is clipped after rows were gathered in others is no row's own. */
function clipFactors({ before, admission: { squaredNorms } }: Explained): Float64Array {
  const [first] = before;
  const norm = first !== undefined && 'norm' in first ? first.norm : Number.POSITIVE_INFINITY;
  return Float64Array.from(squaredNorms, (squared) => (Math.sqrt(squared) > norm ? norm / Math.sqrt(squared) : 1));
}

function largest(slots: readonly TensorSlot[], parts: Float64Array, total: number) {
  return slots
    .map(({ name }, slot) => ({ name, part: (parts[slot] as number) / total }))
    .sort((a, b) => b.part - a.part || (a.name < b.name ? -1 : 1))
    .slice(0, tensorsShown);
}

function takesPart(
  share: number | undefined,
  sampled: Pick<UpdateReport, 'onSample'> | undefined,
): UpdateReport['reason'] {
  const how = share === undefined ? 'in some coordinates' : `with ${(share * 100).toPrecision(3)} % of the aggregate`;
  return { code: 'TAKES_PART', text: `takes part ${how}${slopeText(sampled)}` };
}

/** What the sample says of an update, for people. */
function slopeText(sampled: Pick<UpdateReport, 'onSample'> | undefined): string {
  if (sampled?.onSample === undefined) return '';
  const { slope, tensors } = sampled.onSample;
  const where = tensors.length > 0 ? `, most of it in ${tensors[0]?.name}` : '';
  return `; along it the trusted sample's loss ${slope > 0 ? 'rises' : 'falls'} by ${Math.abs(slope).toPrecision(3)}${where}`;
}

function whyLeftOut(
  explained: Explained,
  score: number | null,
  worstKept: number | undefined,
  sampled: Pick<UpdateReport, 'onSample'> | undefined,
): UpdateReport['reason'] {
  const { kind } = explained.policy.rule;
  const mixed = explained.before.some((step) => step.kind === 'nearestNeighbourMixing');
  const whose = mixed ? 'not in a mixture that was kept; its own has score' : 'score';
  const kept = kind === 'krum' ? 'the lowest is' : 'the highest kept is';
  const text = score === null ? 'lower scores were found' : `${whose} ${score}; ${kept} ${worstKept}`;
  const because: Partial<Record<Rule['kind'], { code: ReasonCode; text: string }>> = {
    krum: { code: 'SCORE_TOO_HIGH', text },
    multiKrum: { code: 'SCORE_TOO_HIGH', text },
    bulyan: { code: 'NOT_PICKED', text: 'repeated Krum picked others first' },
    minimumDiameterAveraging: { code: 'OUTSIDE_SUBSET', text: 'not among the n − f that lie closest together' },
    trustedWeights: { code: 'HARMS_SAMPLE', text: `carries no weight${slopeText(sampled)}` },
    fltrust: { code: 'HARMS_SAMPLE', text: 'carries no weight: it points away from what the trusted sample teaches' },
    declaredHolders: { code: 'NO_CLASS', text: 'left out of every class that it declares, or declares none' },
  };
  return because[kind] ?? { code: 'NOT_PICKED', text: 'carries no weight' };
}
