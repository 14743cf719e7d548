import { randomOrder, seededRandom } from '../../../../base/random.ts';
import type { Observed } from '../../detector.ts';
import { copyWindow, windowKey, windowStarts } from '../traces/call-windows.ts';

/** The distinct windows of traces, cut at every half window, as batches in a random order. */
export class WindowBatches {
  readonly #length: number;
  readonly #windows: readonly Readonly<{ calls: Uint16Array; start: number }>[];

  constructor(traces: readonly Observed[], length: number) {
    this.#length = length;
    const known = new Map<string, { calls: Uint16Array; start: number }>();
    for (const { calls } of traces) {
      for (const start of windowStarts(calls.length, { length, stride: Math.ceil(length / 2) })) {
        const key = windowKey(calls, start, length);
        if (!known.has(key)) known.set(key, { calls, start });
      }
    }
    this.#windows = [...known.values()];
  }

  get count(): number {
    return this.#windows.length;
  }

  /** Batches of `rows` windows (of all of them, where there are fewer), [rows × length], for ever: epoch after epoch. */
  *endless(rows: number, seed: number): Generator<Int32Array> {
    const size = Math.min(rows, this.count);
    if (size === 0) return;
    const random = seededRandom(seed);
    let order = randomOrder(this.count, random);
    let next = 0;
    for (;;) {
      const batch = new Int32Array(size * this.#length);
      for (let row = 0; row < size; row++) {
        if (next === this.count) {
          order = randomOrder(this.count, random);
          next = 0;
        }
        const window = this.#windows[order[next++] as number];
        if (window !== undefined) copyWindow(window.calls, window.start, this.#length, batch, row * this.#length);
      }
      yield batch;
    }
  }
}
