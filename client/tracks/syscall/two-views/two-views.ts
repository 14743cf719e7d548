/** Learning and opening of the two views: from normal traces to local weights, from weights to what judges. */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import type { Observed, SurprisalAndRuns } from '../../detector.ts';
import type { Codebook } from '../../onnx/quantise.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { CallSetSums, callSet } from './call-sets.ts';
import { Ease } from './ease.ts';
import { GramEvidence, gramSurprisal } from './gram-evidence.ts';
import { partsOf, twoViewsSizes } from './two-views-spec.ts';

/**
 * The L2 norm of each view in every cluster's local weights: a busy cluster has no longer arm than a quiet one, and rules that
 * go by distance hear both views.
 */
const weightsNorm = 4;
/** Weights are small numbers; evidence counts in traces. As in the gram table: one cluster among ten weighs about as much as the smoothing. */
const evidencePerWeight = 32;

/** A cluster's local weights, shape [layout.length]. Repeats of one content count once. */
export function learnTwoViews(
  spec: ModelSpec,
  traces: Iterable<Observed>,
): Readonly<{ weights: Float32Array; examples: number }> {
  const sizes = twoViewsSizes(spec);
  const grams = new GramEvidence(sizes.gramSlots);
  const sets = new CallSetSums(sizes.classes.count, sizes.pairSlots);
  for (const { calls, service } of traces) {
    const classId = sizes.classes.idOf(service);
    if (calls.length > 0 && grams.learn(calls, classId)) sets.learn(calls, classId);
  }
  const weights = new Float32Array(sizes.gramSlots + sets.calls.length + sizes.pairSlots);
  const parts = partsOf(sizes, weights);
  scaleInto(parts.grams, [grams.evidence()]);
  scaleInto(weights.subarray(sizes.gramSlots), [sets.calls, sets.pairs]);
  return { weights, examples: grams.traceCount };
}

/** Puts the values one after the other, scaled to the common norm; zeros stay zeros. */
function scaleInto(target: Float32Array, sources: readonly Float32Array[]): void {
  let square = 0;
  for (const source of sources) for (const value of source) square += value * value;
  const scale = square === 0 ? 0 : weightsNorm / Math.sqrt(square);
  let offset = 0;
  for (const source of sources) {
    for (let at = 0; at < source.length; at++) target[offset + at] = (source[at] as number) * scale;
    offset += source.length;
  }
}

/** The view of sets of one model, opened. */
export type SetView = Readonly<{
  /**
   * How far the set of a trace's calls is from any normal set of its class, 0 … about 1; 0 for a trace without calls. steadied: as
   * `OpenDetector.setDistance` says.
   */
  setDistance(trace: Observed, steadied?: boolean): number;
  /** What each call that occurs adds to it before it is shared out, by call id. */
  setResiduals(trace: Observed, steadied?: boolean): ReadonlyMap<number, number>;
}>;

/** The two views of one model, opened. */
export type OpenTwoViews = SetView &
  Readonly<{
    surprisal(trace: Observed): Float32Array;
    surprisalAndRuns(trace: Observed): SurprisalAndRuns;
  }>;

/** weights: flat, of the spec's layout; anything a hostile or broken aggregate could hold reads as no evidence. */
export function openTwoViews(spec: ModelSpec, weights: Float32Array): OpenTwoViews {
  const sizes = twoViewsSizes(spec);
  const { grams, calls, pairs } = partsOf(sizes, weights);
  const evidence = evidenceOf(grams);
  return {
    ...setViewOf(sizes.classes, calls.slice(), pairs.slice()),
    ...sequenceViewOf(sizes.classes, evidence),
  };
}

/** The view of sequences of one model, opened. */
export function sequenceViewOf(
  classes: WorkloadClasses,
  evidence: Float32Array | Codebook,
): Pick<OpenTwoViews, 'surprisal' | 'surprisalAndRuns'> {
  return {
    surprisal: ({ calls, service }) => gramSurprisal(evidence, calls, classes.idOf(service)),
    surprisalAndRuns({ calls, service }) {
      const knownRuns = new Uint8Array(calls.length);
      return { surprisal: gramSurprisal(evidence, calls, classes.idOf(service), knownRuns), knownRuns };
    },
  };
}

/** Evidence per slot out of the weights of the grams; what no evidence can be reads as none. */
export function evidenceOf(grams: Float32Array): Float32Array {
  return grams.map((weight) => (weight > 0 && weight < 1e6 ? weight * evidencePerWeight : 0));
}

/** calls: shape [classes, vocabulary]; pairs: hashed. A class is inverted when its first trace comes. */
export function setViewOf(classes: WorkloadClasses, calls: Float32Array, pairs: Float32Array): SetView {
  const opened = { plain: new Map<number, Ease>(), steadied: new Map<number, Ease>() };
  const easeOf = (classId: number, steadied = false): Ease => {
    const some = steadied ? opened.steadied : opened.plain;
    const known = some.get(classId);
    if (known !== undefined) return known;
    const row = calls.subarray(classId * vocabulary.length, (classId + 1) * vocabulary.length);
    const ease = Ease.open(row, pairs, classId, steadied);
    some.set(classId, ease);
    return ease;
  };
  return {
    setDistance({ calls: own, service }, steadied) {
      return own.length === 0 ? 0 : easeOf(classes.idOf(service), steadied).distance(callSet(own));
    },
    setResiduals({ calls: own, service }, steadied) {
      const present = callSet(own);
      const { byCall } = easeOf(classes.idOf(service), steadied).residuals(present);
      return new Map(Array.from(present, (call, at) => [call, byCall[at] as number]));
    },
  };
}
