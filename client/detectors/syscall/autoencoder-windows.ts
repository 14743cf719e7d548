import type { Tensor1D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { layoutOf } from '../../../proto/layout.ts';
import type { ModelSpec } from '../../../proto/model-spec.ts';
import type { Observed, OpenDetector, Trained, TrainingOptions } from '../detector.ts';
import { FlatTrainer } from '../neural/flat-trainer.ts';
import { parametersOf } from '../neural/parameters.ts';
import { randomOrder, seededRandom } from '../random.ts';
import { autoencoderSizes, reconstructionLoss, reconstructionSurprisal } from './autoencoder.ts';
import { copyWindow, windowKey, windowStarts } from './call-windows.ts';

const batchSize = 512;
const trainingDefaults = { batchSize: 64, learningRate: 0.005, clipNorm: 1 } as const;

/** Trains the autoencoder from `base` on the distinct windows of traces. */
export function trainAutoencoder(
  spec: ModelSpec,
  base: Float32Array,
  traces: readonly Observed[],
  options: TrainingOptions,
): Trained {
  const sizes = autoencoderSizes(spec);
  const settings = { ...trainingDefaults, ...options };
  const windows = distinctWindows(traces, sizes.window, Math.ceil(sizes.window / 2));
  const random = seededRandom(options.seed);
  const trainer = new FlatTrainer(spec, base);
  const losses: number[] = [];
  const endsAt = performance.now() + (options.secondsMax ?? Number.POSITIVE_INFINITY) * 1e3;
  const rows = Math.min(settings.batchSize, windows.length);
  let order = randomOrder(windows.length, random);
  let next = 0;
  try {
    while (rows > 0 && losses.length < options.steps && performance.now() < endsAt && !options.signal?.aborted) {
      const batch = new Int32Array(rows * sizes.window);
      for (let row = 0; row < rows; row++) {
        if (next === windows.length) {
          order = randomOrder(windows.length, random);
          next = 0;
        }
        const { calls, start } = windows[order[next++] as number] as { calls: Uint16Array; start: number };
        copyWindow(calls, start, sizes.window, batch, row * sizes.window);
      }
      losses.push(trainer.step((parameters) => reconstructionLoss(parameters, batch, sizes), settings));
    }
    const last = losses.slice(-Math.max(1, Math.ceil(losses.length / 10)));
    const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
    return { weights: trainer.weights(), steps: losses.length, examples: windows.length, loss };
  } finally {
    trainer.close();
  }
}

function distinctWindows(traces: readonly Observed[], length: number, stride: number) {
  const known = new Map<string, { calls: Uint16Array; start: number }>();
  for (const { calls } of traces) {
    for (const start of windowStarts(calls.length, { length, stride })) {
      const key = windowKey(calls, start, length);
      if (!known.has(key)) known.set(key, { calls, start });
    }
  }
  return [...known.values()];
}

/**
 * Reads traces with an autoencoder: overlapping windows, each distinct one computed once and remembered exactly. A call's
 * surprisal is the mean over the windows that hold it.
 */
export class AutoencoderReader implements OpenDetector {
  readonly #layout;
  readonly #sizes;
  readonly #weights: Tensor1D;
  readonly #stride: number;
  readonly #windowsMax: number;
  readonly #known = new Map<string, Float32Array>();
  #hits = 0;
  #misses = 0;

  /** weights: flat, copied. `windowsMax` windows are remembered, some 200 bytes each; 0 for none. */
  constructor(spec: ModelSpec, weights: Float32Array, stride = 5, windowsMax = 200_000) {
    this.#layout = layoutOf(spec);
    this.#sizes = autoencoderSizes(spec);
    this.#weights = tf.tensor1d(weights.slice());
    this.#stride = stride;
    this.#windowsMax = windowsMax;
  }

  /** Windows looked up and found, and those that had to be computed. */
  get memory(): Readonly<{ hits: number; misses: number }> {
    return { hits: this.#hits, misses: this.#misses };
  }

  surprisal(traces: readonly Observed[]): Float32Array[] {
    return traces.map(({ calls }) => {
      const sums = new Float32Array(calls.length);
      const counts = new Uint16Array(calls.length);
      const starts = windowStarts(calls.length, { length: this.#sizes.window, stride: this.#stride });
      for (let from = 0; from < starts.length; from += batchSize) {
        const some = starts.subarray(from, from + batchSize);
        for (const [index, values] of this.#windows(calls, some).entries()) {
          const start = some[index] as number;
          for (let place = 0; place < values.length && start + place < calls.length; place++) {
            sums[start + place] = (sums[start + place] as number) + (values[place] as number);
            counts[start + place] = (counts[start + place] as number) + 1;
          }
        }
      }
      return sums.map((sum, place) => sum / (counts[place] as number));
    });
  }

  close(): void {
    this.#weights.dispose();
    this.#known.clear();
  }

  #windows(calls: Uint16Array, starts: Uint32Array): Float32Array[] {
    const { window } = this.#sizes;
    const keys = Array.from(starts, (start) => windowKey(calls, start, window));
    const missing = new Map<string, number>();
    const found = new Map<string, Float32Array>();
    for (const [index, key] of keys.entries()) {
      const known = this.#known.get(key);
      if (known !== undefined) found.set(key, known);
      else if (this.#windowsMax === 0 || !missing.has(key)) missing.set(key, starts[index] as number);
    }
    this.#misses += missing.size;
    this.#hits += keys.length - missing.size;
    if (missing.size > 0) {
      const batch = new Int32Array(missing.size * window);
      for (const [row, start] of [...missing.values()].entries()) copyWindow(calls, start, window, batch, row * window);
      const result = tf.tidy(() =>
        tf.transpose(reconstructionSurprisal(parametersOf(this.#layout, this.#weights), batch, this.#sizes)),
      );
      const values = result.dataSync<'float32'>();
      result.dispose();
      for (const [row, key] of [...missing.keys()].entries()) {
        const one = values.slice(row * window, (row + 1) * window);
        found.set(key, one);
        this.#remember(key, one);
      }
    }
    return keys.map((key) => found.get(key) as Float32Array);
  }

  #remember(key: string, values: Float32Array): void {
    if (this.#windowsMax === 0) return;
    if (this.#known.size >= this.#windowsMax) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(key, values);
  }
}
