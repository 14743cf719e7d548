/**
 * The gram table in 8 bits: one code for each slot, the evidence that codes stand for, and the arithmetic of
 * `gramSurprisal` as an ONNX graph. Finding a gram's slots is hashing and stays outside the graph.
 */
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Observed, OpenDetector } from '../../detector.ts';
import { OnnxConstants } from '../../onnx/constants.ts';
import { OnnxSession } from '../../onnx/onnx-session.ts';
import { type Codebook, quantiseEvidence } from '../../onnx/quantise.ts';
import { gramLengthMax, walkGrams } from '../gram-table/gram-hash.ts';
import { evidenceOf, gramSurprisal, gramTableClasses } from '../gram-table/gram-table.ts';
import { EvidenceGraph, SlotBatch } from './evidence-graph.ts';

/** Slots of a call's grams: one for each length from the class alone up to the longest. */
const slotsPerCall = gramLengthMax + 1;
/** Calls in one run of the graph. */
const callsMax = 16_384;

/** weights: flat. The same weights give the same bytes. */
export function exportGramTable(spec: ModelSpec, weights: Float32Array): Uint8Array {
  gramTableClasses(spec); // Throws for another version's spec.
  return modelOf(spec, quantiseEvidence(evidenceOf(spec, weights)));
}

function modelOf(spec: ModelSpec, codebook: Codebook): Uint8Array {
  const evidence = new EvidenceGraph(spec.architecture, slotsPerCall, codebook);
  for (let length = 1; length <= gramLengthMax; length++) {
    const gram = evidence.gram(length);
    const context = evidence.graph.node('Max', [evidence.context(length - 1), gram]);
    evidence.whileSupported(length, context);
    evidence.refine(gram, context);
  }
  evidence.surprisal({ clipped: false });
  return evidence.graph.bytes();
}

/**
 * The evidence that a light form stands for, shape [slots]; undefined where the bytes are not, to the last of them, what
 * `exportGramTable` writes: another build's graph may mean something else.
 */
function evidenceIn(spec: ModelSpec, light: Uint8Array): Float32Array | undefined {
  const codebook = OnnxConstants.of(light)?.codebook(Number(spec.hyperparameters.slots));
  if (codebook === undefined || Buffer.compare(modelOf(spec, codebook), light) !== 0) return undefined;
  const { codes, levels } = codebook;
  const evidence = new Float32Array(codes.length);
  for (let slot = 0; slot < evidence.length; slot++) evidence[slot] = levels[codes[slot] as number] as number;
  return evidence;
}

/** Opens what `exportGramTable` wrote as often as it is called; one copy of the model serves all. Throws where it is no such model. */
export function gramTableOpener(spec: ModelSpec, light: Uint8Array): () => OpenDetector {
  const classes = gramTableClasses(spec);
  const evidence = evidenceIn(spec, light);
  if (evidence === undefined) return () => openInOnnxRuntime(spec, light);
  // The same arithmetic without ONNX Runtime: ten times as fast, and tens of mebibytes less.
  const surprisal = ({ calls, service }: Observed) => gramSurprisal(evidence, calls, classes.idOf(service));
  return () => ({ surprisal: (traces) => traces.map(surprisal), close: () => undefined });
}

/** As what `gramTableOpener` opens, whatever build wrote it. */
export function openInOnnxRuntime(spec: ModelSpec, light: Uint8Array): OpenDetector {
  const classes = gramTableClasses(spec);
  const slotCount = Number(spec.hyperparameters.slots);
  const session = new OnnxSession(light);
  const surprisal = ({ calls, service }: Observed): Float32Array => {
    const out = new Float32Array(calls.length);
    const batch = new SlotBatch(Math.min(callsMax, calls.length), slotsPerCall);
    const run = (upTo: number) => out.set(session.run(batch.inputs()).surprisal as Float32Array, upTo - batch.size);
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
