import { seededNumbers } from '../../base/random.ts';
import { chunkColumns } from '../ordered-sums.ts';

/** Values that stand for the d of an update. Squared distances are true on average, and at one sigma off by √(2 / 64), 18 %. */
export const sketchBuckets = 64;
/** Columns that share a bucket, in updates so long that what lies in one run of them is a small part of the whole. */
const runColumns = 16;
const runsFrom = 64 * runColumns * sketchBuckets;

type Vector = Float32Array | Float64Array;

/**
 * Rows of d values as 64 each, filled while somebody else reads them: every column is multiplied by a random sign and added into a
 * bucket (Charikar, Chen, Farach-Colton, "Finding frequent items in data streams", 2002). The map is linear, keeps squared lengths on
 * average, and is exact for d of at most 64. It depends on values, seed and the cuts of `add`. Who knows the seed can make an update
 * that it does not show: nothing may be decided by it.
 */
export class Sketch {
  /** Shape [rows, 64], row-major. */
  readonly values: Float64Array;
  readonly #d: number;
  readonly #draw: (() => number) | undefined;
  readonly #run: number;
  /** Of the chunk's columns, and of its runs of columns. */
  readonly #signs = new Float64Array(chunkColumns).fill(1);
  readonly #places = new Uint8Array(chunkColumns);
  readonly #rounded = new Float32Array(chunkColumns);
  #chunk = -1;

  constructor(rows: number, d: number, seed: string) {
    this.values = new Float64Array(rows * sketchBuckets);
    this.#d = d;
    const numbers = d <= sketchBuckets ? undefined : seededNumbers(`places ${seed}`);
    this.#draw = numbers && (() => numbers.integer(2 ** 16));
    this.#run = d >= runsFrom ? runColumns : 1;
  }

  /** Columns from `at` on come next: ascending, all of one chunk of `chunkColumns`, and none left out. */
  at(at: number): void {
    const chunk = Math.floor(at / chunkColumns);
    if (chunk === this.#chunk) return;
    if (chunk !== this.#chunk + 1)
      throw new RangeError(`a sketch reads chunk after chunk: ${this.#chunk}, then ${chunk}`);
    this.#chunk = chunk;
    const count = Math.min(chunkColumns, this.#d - chunk * chunkColumns);
    for (let run = 0; run * this.#run < count; run++) {
      this.#places[run] = this.#draw === undefined ? run : this.#draw() % sketchBuckets;
      const signs = this.#draw === undefined ? 0 : this.#draw();
      for (let i = 0; i < this.#run; i++) this.#signs[run * this.#run + i] = (signs >> i) & 1 ? -1 : 1;
    }
  }

  /** Adds `count` values of a row, those from column `at` on; they lie in `from`, at `start`, and count as float32. */
  add(row: number, at: number, from: Vector, start: number, count: number): void {
    if (from instanceof Float32Array) this.#add(row, at, from, start, count);
    else {
      // Rounded: a loop over arrays of two kinds takes longer for both.
      this.#rounded.set(from.subarray(start, start + count));
      this.#add(row, at, this.#rounded, 0, count);
    }
  }

  #add(row: number, at: number, from: Float32Array, start: number, count: number): void {
    const [signs, places, values, run] = [this.#signs, this.#places, this.values, this.#run];
    const first = at % chunkColumns;
    const last = first + count;
    const cells = row * sketchBuckets;
    let i = first;
    let j = start;
    let place = Math.floor(first / run);
    while (i < last) {
      const end = Math.min(last, (place + 1) * run);
      let sum = 0;
      // Four at a time: each waits for nobody.
      for (const whole = end - 3; i < whole; i += 4, j += 4) {
        const low = (signs[i] as number) * (from[j] as number) + (signs[i + 1] as number) * (from[j + 1] as number);
        const high =
          (signs[i + 2] as number) * (from[j + 2] as number) + (signs[i + 3] as number) * (from[j + 3] as number);
        sum += low + high;
      }
      for (; i < end; i++, j++) sum += (signs[i] as number) * (from[j] as number);
      const cell = cells + (places[place] as number);
      values[cell] = (values[cell] as number) + sum;
      place++;
    }
  }
}
