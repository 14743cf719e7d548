import { windowKey } from './call-windows.ts';
import {
  copyPrediction,
  type LanguageModelSizes,
  type PredictionBatch,
  predictionSpan,
} from './language-model-spec.ts';
import type { Trace } from './trace.ts';
import type { WorkloadClasses } from './workload-classes.ts';

/** A network that predicts the calls of a window; whatever computes it. */
export type PredictionNetwork = Readonly<{
  sizes: LanguageModelSizes;
  classes: WorkloadClasses;
  /** −ln p of every predicted call, [size × predicted], window after window, in nats. */
  surprisal(batch: PredictionBatch): Float32Array;
  close(): void;
}>;

const batchSize = 512;

type Window = { calls: Uint16Array; start: number; classId: number };
type Traced = Pick<Trace, 'calls' | 'service'>;

/**
 * Reads traces with a language model: the surprisal of every call. Windows repeat heavily in real traces, so each
 * distinct one is computed once and remembered, exactly, up to a limit.
 */
export class SurprisalReader {
  readonly #network: PredictionNetwork;
  readonly #windowsMax: number;
  /** Window to its surprisals, oldest first. */
  readonly #known = new Map<string, Float32Array>();
  #hits = 0;
  #misses = 0;

  /** The network is closed with the reader. `windowsMax` windows are remembered, some 200 bytes each; 0 for none. */
  constructor(network: PredictionNetwork, windowsMax = 200_000) {
    this.#network = network;
    this.#windowsMax = windowsMax;
  }

  /** Windows looked up and found, and those that had to be computed. */
  get memory(): Readonly<{ hits: number; misses: number }> {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** −ln p of every call of every trace, in nats: one array of shape [calls] per trace, in order. */
  read(traces: readonly Traced[]): Float32Array[] {
    const out = traces.map((trace) => new Float32Array(trace.calls.length));
    // Places that wait for a window: several traces, or one in a loop, may want the same.
    const waiting = new Map<string, { window: Window; places: { into: Float32Array; start: number }[] }>();
    for (const [index, { calls, service }] of traces.entries()) {
      const classId = this.#network.classes.idOf(service);
      const into = out[index] as Float32Array;
      for (let start = 0; start < calls.length; start += this.#network.sizes.predicted) {
        const key = this.#keyOf(calls, start, classId);
        const known = this.#known.get(key);
        const waits = waiting.get(key);
        if (known !== undefined) copyKnown(known, into, start);
        else if (waits !== undefined) waits.places.push({ into, start });
        else waiting.set(key, { window: { calls, start, classId }, places: [{ into, start }] });
        if (known === undefined && waits === undefined) this.#misses++;
        else this.#hits++;
        if (waiting.size === batchSize) this.#resolve(waiting);
      }
    }
    this.#resolve(waiting);
    return out;
  }

  close(): void {
    this.#network.close();
    this.#known.clear();
  }

  #keyOf(calls: Uint16Array, start: number, classId: number): string {
    return (
      String.fromCharCode(classId) +
      windowKey(calls, start - this.#network.sizes.warmUp - 1, predictionSpan(this.#network.sizes))
    );
  }

  #resolve(waiting: Map<string, { window: Window; places: { into: Float32Array; start: number }[] }>): void {
    const size = waiting.size;
    if (size === 0) return;
    const { predicted } = this.#network.sizes;
    const batch = {
      size,
      calls: new Int32Array(size * predictionSpan(this.#network.sizes)),
      classes: new Int32Array(size),
    };
    let row = 0;
    for (const { window } of waiting.values()) {
      copyPrediction(batch, row, window.calls, window.start, this.#network.sizes);
      batch.classes[row++] = window.classId;
    }
    const values = this.#network.surprisal(batch);
    row = 0;
    for (const [key, { places }] of waiting) {
      const known = values.slice(row * predicted, (row + 1) * predicted);
      for (const { into, start } of places) copyKnown(known, into, start);
      this.#remember(key, known);
      row++;
    }
    waiting.clear();
  }

  #remember(key: string, surprisal: Float32Array): void {
    if (this.#windowsMax === 0) return;
    if (this.#known.size >= this.#windowsMax) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(key, surprisal);
  }
}

function copyKnown(known: Float32Array, into: Float32Array, start: number): void {
  into.set(known.subarray(0, Math.min(known.length, into.length - start)), start);
}
