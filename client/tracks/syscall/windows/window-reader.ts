import type { Observed, OpenDetector } from '../../detector.ts';
import { copyWindow, windowKey, windowStarts } from '../traces/call-windows.ts';
import { WindowMemory } from './window-memory.ts';

const batchSize = 512;
const groupSize = 8_192;

/** A network that says how unexpected each call of a window is; whatever computes it. */
export type WindowNetwork = Readonly<{
  /** Calls in a window. */
  window: number;
  /** windows: ids, [batch × window], one window after the other. Returns nats, laid out the same. */
  surprisal(windows: Int32Array): Float32Array;
  close(): void;
}>;

type Window = Readonly<{ trace: number; calls: Uint16Array; start: number }>;

/**
 * Reads traces with a network that writes windows again: overlapping windows, each distinct one
 * computed once and remembered exactly. A call's surprisal is the mean over the windows that hold it.
 */
export class WindowReader implements OpenDetector {
  readonly #network: WindowNetwork;
  readonly #stride: number;
  readonly #known: WindowMemory;
  #hits = 0;
  #misses = 0;

  /** The network is closed with the reader. `windowsMax` windows are remembered, some 200 bytes each; 0 for none. */
  constructor(network: WindowNetwork, stride = 5, windowsMax = 200_000) {
    this.#network = network;
    this.#stride = stride;
    this.#known = new WindowMemory(windowsMax);
  }

  /** Windows looked up and found, and those that had to be computed. */
  get memory(): Readonly<{ hits: number; misses: number }> {
    return { hits: this.#hits, misses: this.#misses };
  }

  surprisal(traces: readonly Observed[]): Float32Array[] {
    const sums = traces.map(({ calls }) => new Float32Array(calls.length));
    const counts = traces.map(({ calls }) => new Uint16Array(calls.length));
    for (const group of this.#groups(traces)) {
      for (const [index, values] of this.#read(group).entries()) {
        const { trace, start } = group[index] as Window;
        const sum = sums[trace] as Float32Array;
        const count = counts[trace] as Uint16Array;
        for (let place = 0; place < values.length && start + place < sum.length; place++) {
          sum[start + place] = (sum[start + place] as number) + (values[place] as number);
          count[start + place] = (count[start + place] as number) + 1;
        }
      }
    }
    return sums.map((sum, trace) => sum.map((value, place) => value / (counts[trace]?.[place] as number)));
  }

  close(): void {
    this.#network.close();
    this.#known.clear();
  }

  /** All windows of all traces, at most `groupSize` at a time: so many that few distinct ones still fill a batch. */
  *#groups(traces: readonly Observed[]): Generator<Window[]> {
    const { window } = this.#network;
    let group: Window[] = [];
    for (const [trace, { calls }] of traces.entries()) {
      for (const start of windowStarts(calls.length, { length: window, stride: this.#stride })) {
        group.push({ trace, calls, start });
        if (group.length < groupSize) continue;
        yield group;
        group = [];
      }
    }
    if (group.length > 0) yield group;
  }

  /** The surprisal of each call of each window, [window] each. */
  #read(windows: readonly Window[]): Float32Array[] {
    const { window } = this.#network;
    const found = new Map<string, Float32Array>();
    const missing = new Map<string, Window>();
    const keys = windows.map(({ calls, start }, index) => {
      if (this.#known.windowsMax === 0) return String(index);
      return windowKey(calls, start, window);
    });
    for (const [index, key] of keys.entries()) {
      const known = this.#known.get(key);
      if (known !== undefined) found.set(key, known);
      else if (!missing.has(key)) missing.set(key, windows[index] as Window);
    }
    this.#misses += missing.size;
    this.#hits += keys.length - missing.size;
    const entries = [...missing];
    for (let from = 0; from < entries.length; from += batchSize) {
      const some = entries.slice(from, from + batchSize);
      for (const [row, values] of this.#compute(some.map(([, one]) => one)).entries()) {
        const [key] = some[row] as [string, Window];
        found.set(key, values);
        this.#known.set(key, values);
      }
    }
    return keys.map((key) => found.get(key) as Float32Array);
  }

  #compute(windows: readonly Window[]): Float32Array[] {
    const { window } = this.#network;
    const batch = new Int32Array(windows.length * window);
    for (const [row, { calls, start }] of windows.entries()) copyWindow(calls, start, window, batch, row * window);
    const values = this.#network.surprisal(batch);
    return windows.map((_, row) => values.slice(row * window, (row + 1) * window));
  }
}
