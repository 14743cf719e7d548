/**
 * The two views in 8 bits: one code for each slot of the grams, the evidence that codes stand for, and the arithmetic of
 * `gramSurprisal` as an ONNX graph. The sets' sums are small and go into an inverse, which rounding would not leave alone: they are
 * kept whole. Finding a gram's slots is hashing and stays outside the graph, and so does the inverse, which is computed once.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import type { OpenDetector } from '../../detector.ts';
import { mixBits } from '../../mix-bits.ts';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { quantiseEvidence } from '../../onnx/quantise.ts';
import { classHash, step } from '../traces/call-hash.ts';
import { callAt, longestAt } from '../two-views/hash.ts';
import { evidenceOf, setViewOf } from '../two-views/two-views.ts';
import { gramOrderMax, partsOf, type TwoViewsSizes, twoViewsSizes } from '../two-views/two-views-spec.ts';

/** Slots of a call's grams: one for each length from the class alone up to the longest. */
const slotsPerCall = gramOrderMax + 1;
/** Calls in one run of the graph. */
const callsMax = 8_192;

/** weights: flat. The same weights give the same bytes. */
export function exportTwoViews(spec: ModelSpec, weights: Float32Array): Uint8Array {
  const { grams, calls, pairs } = partsOf(twoViewsSizes(spec), weights);
  const { codes, levels } = quantiseEvidence(evidenceOf(grams));
  const graph = new OnnxGraph(spec.architecture);
  const slots = graph.input('slots', 'int64', ['N', slotsPerCall]);
  const contexts = graph.input('contexts', 'int64', ['N', slotsPerCall]);
  const longest = graph.input('longest', 'int64', ['N']);
  const table = graph.constant(codes, [codes.length]);
  const known = graph.constant(levels, [levels.length]);
  const number = (value: number) => graph.constant(Float32Array.of(value), []);
  const evidenceAt = (which: string, length: number) => {
    const slot = graph.node('Gather', [which, graph.constant([length], [])], { attributes: { axis: 1 } });
    const code = graph.node('Gather', [table, slot]);
    // ONNX's data type 7 is int64, which indices must be.
    return graph.node('Gather', [known, graph.node('Cast', [code], { attributes: { to: 7 } })]);
  };
  // Ends at the first context without evidence, as the loop of gramSurprisal does.
  let alive = graph.node('GreaterOrEqual', [longest, graph.constant([0], [])]);
  let probability = number(1 / vocabulary.length);
  for (let length = 1; length <= gramOrderMax; length++) {
    const before = evidenceAt(contexts, length - 1);
    const gram = evidenceAt(slots, length);
    const within = graph.node('GreaterOrEqual', [longest, graph.constant([length], [])]);
    alive = graph.node('And', [alive, graph.node('And', [within, graph.node('Greater', [before, number(0)])])]);
    const context = graph.node('Max', [before, gram]);
    const refined = graph.node('Div', [
      graph.node('Add', [gram, probability]),
      graph.node('Add', [context, number(1)]),
    ]);
    probability = graph.node('Where', [alive, refined, probability]);
  }
  const clipped = graph.node('Min', [probability, number(1)]);
  graph.node('Neg', [graph.node('Log', [clipped])], { outputs: ['surprisal'] });
  graph.output('surprisal', 'float32', ['N']);
  for (const [name, values] of [
    ['calls', calls],
    ['pairs', pairs],
  ] as const) {
    // Sums of normal traces are not negative.
    graph.node('Max', [graph.constant(values, [values.length]), number(0)], { outputs: [name] });
    graph.output(name, 'float32', [values.length]);
  }
  return graph.bytes();
}

/** What `exportTwoViews` wrote, ready to read traces. Throws where it is no such model. */
export function openLightTwoViews(spec: ModelSpec, light: Uint8Array): OpenDetector {
  const sizes = twoViewsSizes(spec);
  const session = new OnnxSession(light);
  const { calls, pairs } = session.run(new SlotBatch(1).inputs());
  const sets = setViewOf(sizes.classes, calls as Float32Array, pairs as Float32Array);
  return {
    surprisal: (traces) =>
      traces.map(({ calls: own, service }) => surprisal(session, sizes, own, sizes.classes.idOf(service))),
    setDistance: (trace) => sets.setDistance(trace),
    setResiduals: (trace) => sets.setResiduals(trace),
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
    const batch = new SlotBatch(Math.min(callsMax, calls.length - from));
    for (let at = 0; at < batch.size; at++) {
      const place = from + at;
      const longest = longestAt(place, gramOrderMax);
      let hash = ofClass;
      for (let length = 1; length <= longest; length++) {
        hash = step(hash, callAt(calls, place - length + 1));
        slots[length] = mixBits(hash) & mask;
      }
      batch.put(at, slots, previous, longest);
      [slots, previous] = [previous, slots];
    }
    out.set(session.run(batch.inputs()).surprisal as Float32Array, from);
  }
  return out;
}

/** Slots of some calls, as the graph takes them. */
class SlotBatch {
  readonly size: number;
  readonly #slots: Int32Array;
  readonly #contexts: Int32Array;
  readonly #longest: Int32Array;

  constructor(size: number) {
    this.size = size;
    this.#slots = new Int32Array(size * slotsPerCall);
    this.#contexts = new Int32Array(size * slotsPerCall);
    this.#longest = new Int32Array(size);
  }

  put(at: number, slots: Int32Array, contexts: Int32Array, longest: number): void {
    this.#slots.set(slots, at * slotsPerCall);
    this.#contexts.set(contexts, at * slotsPerCall);
    this.#longest[at] = longest;
  }

  inputs() {
    const shape = [this.size, slotsPerCall];
    return {
      slots: { type: 'int64', shape, values: this.#slots },
      contexts: { type: 'int64', shape, values: this.#contexts },
      longest: { type: 'int64', shape: [this.size], values: this.#longest },
    } as const;
  }
}
