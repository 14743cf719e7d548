/**
 * The two views in 8 bits: one code for each slot of the grams, the evidence that codes stand for, and the arithmetic of
 * `gramSurprisal` as an ONNX graph. The sets' sums are small and go into an inverse, which rounding would not leave alone: they are
 * kept whole. Finding a gram's slots is hashing and stays outside the graph, and so does the inverse, which is computed once.
 * What this build wrote is read back out of the graph and judged with as the weights would be.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import type { OpenDetector } from '../../detector.ts';
import { mixBits } from '../../mix-bits.ts';
import { OnnxConstants } from '../../onnx/constants.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { type Codebook, quantiseEvidence } from '../../onnx/quantise.ts';
import { classHash, step } from '../traces/call-hash.ts';
import { callAt, longestAt } from '../two-views/hash.ts';
import { evidenceOf, sequenceViewOf, setViewOf } from '../two-views/two-views.ts';
import { gramOrderMax, partsOf, type TwoViewsSizes, twoViewsSizes } from '../two-views/two-views-spec.ts';
import { EvidenceGraph, SlotBatch } from './evidence-graph.ts';

/** Slots of a call's grams: one for each length from the class alone up to the longest. */
const slotsPerCall = gramOrderMax + 1;
/** Calls in one run of the graph. */
const callsMax = 8_192;

/** weights: flat. The same weights give the same bytes. */
export function exportTwoViews(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const { grams, calls, pairs } = partsOf(twoViewsSizes(spec), weights);
  return modelOf(spec, { grams: quantiseEvidence(evidenceOf(grams)), calls, pairs });
}

type LightParts = Readonly<{ grams: Codebook; calls: Float32Array; pairs: Float32Array }>;

function modelOf(spec: ModelSpec, { grams, calls, pairs }: LightParts): Uint8Array {
  const evidence = new EvidenceGraph(spec.architecture, slotsPerCall, grams);
  const { graph } = evidence;
  for (let length = 1; length <= gramOrderMax; length++) {
    const before = evidence.context(length - 1);
    const gram = evidence.gram(length);
    evidence.whileSupported(length, before);
    evidence.refine(gram, graph.node('Max', [before, gram]));
  }
  evidence.surprisal({ clipped: true });
  for (const [name, values] of [
    ['calls', calls],
    ['pairs', pairs],
  ] as const) {
    // Sums of normal traces are not negative.
    graph.node('Max', [graph.constant(values, [values.length]), evidence.number(0)], { outputs: [name] });
    graph.output(name, 'float32', [values.length]);
  }
  return graph.bytes();
}

/**
 * What a light form stands for; undefined where the bytes are not, to the last of them, what `exportTwoViews` writes: another
 * build's graph may mean something else.
 */
function partsIn(spec: ModelSpec, light: Uint8Array): LightParts | undefined {
  const { classes, gramSlots, pairSlots } = twoViewsSizes(spec);
  const constants = OnnxConstants.of(light);
  const grams = constants?.codebook(gramSlots);
  const calls = constants?.floats(classes.count * vocabulary.length).at(0);
  const pairs = constants?.floats(pairSlots).at(-1);
  if (grams === undefined || calls === undefined || pairs === undefined) return undefined;
  const parts = { grams, calls, pairs };
  return Buffer.compare(modelOf(spec, parts), light) === 0 ? parts : undefined;
}

/** Opens what `exportTwoViews` wrote as often as it is called; one copy of the model serves all. Throws where it is no such model. */
export function twoViewsOpener(spec: ModelSpec, light: Uint8Array): () => OpenDetector {
  const { classes } = twoViewsSizes(spec);
  const parts = partsIn(spec, light);
  if (parts === undefined) return () => openInOnnxRuntime(spec, light);
  // The same arithmetic without ONNX Runtime: ten times as fast, and tens of mebibytes less.
  const sequences = sequenceViewOf(classes, parts.grams);
  const opened: OpenDetector = {
    ...setViewOf(classes, parts.calls, parts.pairs),
    surprisal: (traces) => traces.map(sequences.surprisal),
    surprisalAndRuns: sequences.surprisalAndRuns,
    close: () => undefined,
  };
  return () => opened;
}

/** As what `twoViewsOpener` opens, whatever build wrote it. */
export function openInOnnxRuntime(spec: ModelSpec, light: Uint8Array): OpenDetector {
  const sizes = twoViewsSizes(spec);
  const session = new OnnxSession(light);
  const batch = new SlotBatch(1, slotsPerCall);
  batch.add([], [], 0);
  const { calls, pairs } = session.run(batch.inputs(), ['calls', 'pairs']);
  const sets = setViewOf(sizes.classes, calls as Float32Array, pairs as Float32Array);
  return {
    surprisal: (traces) =>
      traces.map(({ calls: own, service }) => surprisal(session, sizes, own, sizes.classes.idOf(service))),
    setDistance: (trace, steadied) => sets.setDistance(trace, steadied),
    setResiduals: (trace, steadied) => sets.setResiduals(trace, steadied),
    close: () => session.close(),
  };
}

function surprisal(session: OnnxSession, { gramSlots }: TwoViewsSizes, calls: Uint16Array, classId: number) {
  const out = new Float32Array(calls.length);
  const mask = gramSlots - 1;
  const ofClass = classHash(classId);
  let previous = new Int32Array(slotsPerCall);
  let slots = new Int32Array(slotsPerCall);
  slots[0] = previous[0] = mixBits(ofClass) & mask;
  previous[1] = mixBits(step(ofClass, callAt(calls, -1))) & mask;
  for (let from = 0; from < calls.length; from += callsMax) {
    const upTo = Math.min(calls.length, from + callsMax);
    const batch = new SlotBatch(upTo - from, slotsPerCall);
    for (let place = from; place < upTo; place++) {
      const longest = longestAt(place, gramOrderMax);
      let hash = ofClass;
      for (let length = 1; length <= longest; length++) {
        hash = step(hash, callAt(calls, place - length + 1));
        slots[length] = mixBits(hash) & mask;
      }
      batch.add(slots, previous, longest);
      [slots, previous] = [previous, slots];
    }
    out.set(session.run(batch.inputs(), ['surprisal']).surprisal as Float32Array, from);
  }
  return out;
}
