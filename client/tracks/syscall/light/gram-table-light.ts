/**
 * The gram table in 8 bits: one code for each slot, the evidence that codes stand for, and the arithmetic of
 * `gramSurprisal` as an ONNX graph. Finding a gram's slots is hashing and stays outside the graph.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { vocabulary } from '../../../events/vocabulary.ts';
import type { Observed, OpenDetector } from '../../detector.ts';
import { codebookOf } from '../../onnx/codebook.ts';
import { OnnxGraph } from '../../onnx/onnx-graph.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { type Codebook, quantiseEvidence } from '../../onnx/quantise.ts';
import { gramLengthMax, walkGrams } from '../gram-table/gram-hash.ts';
import { evidenceOf, gramSurprisal, gramTableClasses } from '../gram-table/gram-table.ts';

/** Slots of a call's grams: one for each length from the class alone up to the longest. */
const slotsPerCall = gramLengthMax + 1;
/** Calls in one run of the graph. */
const callsMax = 16_384;

/** weights: flat. The same weights give the same bytes. */
export function exportGramTable(spec: ModelSpec, weights: Float32Array): Uint8Array {
  gramTableClasses(spec); // Throws for another version's spec.
  return modelOf(spec, quantiseEvidence(evidenceOf(spec, weights)));
}

function modelOf(spec: ModelSpec, { codes, levels }: Codebook): Uint8Array {
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
  for (let length = 1; length <= gramLengthMax; length++) {
    const gram = evidenceAt(slots, length);
    const context = graph.node('Max', [evidenceAt(contexts, length - 1), gram]);
    const within = graph.node('GreaterOrEqual', [longest, graph.constant([length], [])]);
    const supported = graph.node('And', [within, graph.node('Greater', [context, number(0)])]);
    alive = graph.node('And', [alive, supported]);
    const refined = graph.node('Div', [
      graph.node('Add', [gram, probability]),
      graph.node('Add', [context, number(1)]),
    ]);
    probability = graph.node('Where', [alive, refined, probability]);
  }
  graph.node('Neg', [graph.node('Log', [probability])], { outputs: ['surprisal'] });
  graph.output('surprisal', 'float32', ['N']);
  return graph.bytes();
}

/**
 * The evidence that a light form stands for, shape [slots]; undefined where the bytes are not, to the last of them, what
 * `exportGramTable` writes: another build's graph may mean something else.
 */
function evidenceIn(spec: ModelSpec, light: Uint8Array): Float32Array | undefined {
  const codebook = codebookOf(light, Number(spec.hyperparameters.slots));
  if (codebook === undefined || Buffer.compare(modelOf(spec, codebook), light) !== 0) return undefined;
  return Float32Array.from(codebook.codes, (code) => codebook.levels[code] as number);
}

/** What `exportGramTable` wrote, ready to read traces. Throws where it is no such model. */
export function openLightGramTable(spec: ModelSpec, light: Uint8Array): OpenDetector {
  const classes = gramTableClasses(spec);
  const evidence = evidenceIn(spec, light);
  if (evidence !== undefined) {
    // The same arithmetic without ONNX Runtime: ten times as fast, and tens of mebibytes less.
    const surprisal = ({ calls, service }: Observed) => gramSurprisal(evidence, calls, classes.idOf(service));
    return { surprisal: (traces) => traces.map(surprisal), close: () => undefined };
  }
  return openInOnnxRuntime(spec, light);
}

/** As `openLightGramTable`, whatever build wrote it. */
export function openInOnnxRuntime(spec: ModelSpec, light: Uint8Array): OpenDetector {
  const classes = gramTableClasses(spec);
  const slotCount = Number(spec.hyperparameters.slots);
  const session = new OnnxSession(light);
  const surprisal = ({ calls, service }: Observed): Float32Array => {
    const out = new Float32Array(calls.length);
    const batch = new SlotBatch();
    const run = (upTo: number) => out.set(batch.run(session), upTo - batch.size);
    walkGrams(calls, classes.idOf(service), slotCount, (place, slots, contexts, longest) => {
      batch.add(slots, contexts, longest);
      if (batch.size < callsMax && place + 1 < calls.length) return;
      run(place + 1);
      batch.size = 0;
    });
    return out;
  };
  return { surprisal: (traces) => traces.map(surprisal), close: () => session.close() };
}

/** Slots of some calls, as the graph takes them. */
class SlotBatch {
  size = 0;
  readonly #slots = new Int32Array(callsMax * slotsPerCall);
  readonly #contexts = new Int32Array(callsMax * slotsPerCall);
  readonly #longest = new Int32Array(callsMax);

  add(slots: Uint32Array, contexts: Uint32Array, longest: number): void {
    this.#slots.set(slots, this.size * slotsPerCall);
    this.#contexts.set(contexts, this.size * slotsPerCall);
    this.#longest[this.size] = longest;
    this.size += 1;
  }

  run(session: OnnxSession): Float32Array {
    const shape = [this.size, slotsPerCall];
    const length = this.size * slotsPerCall;
    return session.run({
      slots: { type: 'int64', shape, values: this.#slots.subarray(0, length) },
      contexts: { type: 'int64', shape, values: this.#contexts.subarray(0, length) },
      longest: { type: 'int64', shape: [this.size], values: this.#longest.subarray(0, this.size) },
    }).surprisal as Float32Array;
  }
}
