import type { OpenDetector } from '../../detector.ts';
import type { WorkloadClasses } from '../traces/workload-classes.ts';
import { WindowMemory } from '../windows/window-memory.ts';
import {
  copyPrediction,
  emptyPredictions,
  type LanguageModelSizes,
  type PredictedTrace,
  type PredictionBatch,
  predictionKey,
} from './language-model-spec.ts';

/** A network that predicts the calls of a window; whatever computes it. */
export type PredictionNetwork = Readonly<{
  sizes: LanguageModelSizes;
  classes: WorkloadClasses;
  /**
   * −ln p of every predicted call in nats, window after window: [size × predicted]. Of a model that reads arguments
   * [size × 2 · predicted]: each window's calls, then their arguments.
   */
  surprisal(batch: PredictionBatch): Float32Array;
  close(): void;
}>;

const batchSize = 512;

type Window = { trace: PredictedTrace; start: number; classId: number };
type Place = { into: Float32Array; start: number };

/**
 * Reads traces with a language model: the surprisal of every call. Windows repeat heavily in real traces, so each
 * distinct one is computed once and remembered, exactly, up to a limit.
 */
export class SurprisalReader {
  readonly #network: PredictionNetwork;
  readonly #known: WindowMemory;
  #hits = 0;
  #misses = 0;

  /** The network is closed with the reader. `windowsMax` windows are remembered, some 200 bytes each; 0 for none. */
  constructor(network: PredictionNetwork, windowsMax = 200_000) {
    this.#network = network;
    this.#known = new WindowMemory(windowsMax);
  }

  /** Windows looked up and found, and those that had to be computed. */
  get memory(): Readonly<{ hits: number; misses: number }> {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** −ln p of every call of every trace, in nats: one array of shape [calls] per trace, in order. */
  read(traces: readonly PredictedTrace[]): Float32Array[] {
    return this.#read(traces, 0);
  }

  /** As `read`, of the class of each call's arguments. Throws where the model does not read arguments. */
  readArguments(traces: readonly PredictedTrace[]): Float32Array[] {
    if (this.#network.sizes.argumentEmbedding === undefined) throw new Error('this language model reads no arguments');
    return this.#read(traces, this.#network.sizes.predicted);
  }

  close(): void {
    this.#network.close();
    this.#known.clear();
  }

  /** offset: where in a window's values those stand that are asked for. */
  #read(traces: readonly PredictedTrace[], offset: number): Float32Array[] {
    const out = traces.map((trace) => new Float32Array(trace.calls.length));
    // Places that wait for a window: several traces, or one in a loop, may want the same.
    const waiting = new Map<string, { window: Window; places: Place[] }>();
    const { sizes, classes } = this.#network;
    const copy = (known: Float32Array, { into, start }: Place) =>
      into.set(known.subarray(offset, offset + Math.min(sizes.predicted, into.length - start)), start);
    for (const [index, trace] of traces.entries()) {
      const classId = classes.idOf(trace.service);
      const into = out[index] as Float32Array;
      for (let start = 0; start < trace.calls.length; start += sizes.predicted) {
        const key = predictionKey(trace, start, classId, sizes);
        const known = this.#known.get(key);
        const waits = waiting.get(key);
        if (known !== undefined) copy(known, { into, start });
        else if (waits !== undefined) waits.places.push({ into, start });
        else waiting.set(key, { window: { trace, start, classId }, places: [{ into, start }] });
        if (known === undefined && waits === undefined) this.#misses++;
        else this.#hits++;
        if (waiting.size === batchSize) this.#resolve(waiting, copy);
      }
    }
    this.#resolve(waiting, copy);
    return out;
  }

  #resolve(
    waiting: Map<string, { window: Window; places: Place[] }>,
    copy: (known: Float32Array, place: Place) => void,
  ): void {
    const size = waiting.size;
    if (size === 0) return;
    const { sizes } = this.#network;
    const width = sizes.argumentEmbedding === undefined ? sizes.predicted : 2 * sizes.predicted;
    const batch = emptyPredictions(size, sizes);
    let row = 0;
    for (const { window } of waiting.values()) {
      copyPrediction(batch, row, window.trace, window.start, sizes);
      batch.classes[row++] = window.classId;
    }
    const values = this.#network.surprisal(batch);
    row = 0;
    for (const [key, { places }] of waiting) {
      const known = values.slice(row * width, (row + 1) * width);
      for (const place of places) copy(known, place);
      this.#known.set(key, known);
      row++;
    }
    waiting.clear();
  }
}

/** A network opened for scoring, whatever computes it. */
export function openReader(network: PredictionNetwork): OpenDetector {
  const reader = new SurprisalReader(network);
  return {
    surprisal: (traces) => reader.read(traces),
    ...(network.sizes.argumentEmbedding === undefined
      ? {}
      : { argumentSurprisal: (traces: readonly PredictedTrace[]) => reader.readArguments(traces) }),
    close: () => reader.close(),
  };
}
