import { seededNumbers } from '../../base/random.ts';
import { chunkColumns } from '../ordered-sums.ts';

/** Values that stand for the d of an update. Squared distances are true on average, and at one sigma off by √(2 / 64), 18 %. */
export const sketchBuckets = 64;
/** Columns that share a bucket, in updates so long that what lies in one run of them is a small part of the whole. */
export const runColumns = 16;
const runsFrom = 64 * runColumns * sketchBuckets;

type Vector = Float32Array | Float64Array;

/** Columns that follow each other and share a bucket, `columns` of them (the last may have fewer): its number, and a bit a column, 1 for minus. */
export type SketchRuns = Readonly<{ columns: number; places: Uint8Array; signs: Uint16Array }>;

/**
 * Rows of d values as 64 each, filled while somebody else reads them: every column is multiplied by a random sign and added into a
 * bucket (Charikar, Chen, Farach-Colton, "Finding frequent items in data streams", 2002). The map is linear, keeps squared lengths on
 * average, and is exact for d of at most 64. It depends on values, seed and the cuts of `add`. Who knows the seed can make an update
 * that it does not show: nothing may be decided by it.
 */
export class Sketch {
  /** Shape [rows, 64], row-major. */
  readonly values: Float64Array;
  readonly runs: SketchRuns;
  /** Of the chunk's columns. */
  readonly #signs = new Float64Array(chunkColumns);
  readonly #rounded = new Float32Array(chunkColumns);
  #chunk = -1;

  constructor(rows: number, d: number, seed: string) {
    this.values = new Float64Array(rows * sketchBuckets);
    this.runs = runsOf(d, seed);
  }

  /** Adds `count` values of a row, columns of one chunk from `at` on, ascending; they lie in `from`, at `start`, and count as float32. */
  add(row: number, at: number, from: Vector, start: number, count: number): void {
    this.#signsOf(Math.floor(at / chunkColumns));
    if (from instanceof Float32Array) this.#add(row, at, from, start, count);
    else {
      // Rounded: a loop over arrays of two kinds takes longer for both.
      this.#rounded.set(from.subarray(start, start + count));
      this.#add(row, at, this.#rounded, 0, count);
    }
  }

  /** The same, of columns whose runs were summed elsewhere: `sums` has the sum of each run, or of what of it lies there, from `start` on. */
  addSums(row: number, at: number, count: number, sums: Float64Array, start: number): void {
    const [{ columns, places }, values, cells] = [this.runs, this.values, row * sketchBuckets];
    const last = Math.floor((at + count - 1) / columns);
    for (let run = Math.floor(at / columns), i = start; run <= last; run++, i++) {
      const cell = cells + (places[run] as number);
      values[cell] = (values[cell] as number) + (sums[i] as number);
    }
  }

  #signsOf(chunk: number): void {
    if (chunk === this.#chunk) return;
    this.#chunk = chunk;
    const { columns, signs } = this.runs;
    const first = (chunk * chunkColumns) / columns;
    for (let i = 0; i < chunkColumns; i++) {
      this.#signs[i] = ((signs[first + Math.floor(i / columns)] as number) >> (i % columns)) & 1 ? -1 : 1;
    }
  }

  #add(row: number, at: number, from: Float32Array, start: number, count: number): void {
    const [signs, { columns: run, places }, values] = [this.#signs, this.runs, this.values];
    const first = at % chunkColumns;
    const last = first + count;
    const cells = row * sketchBuckets;
    const placesAt = (at - first) / run;
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
      const cell = cells + (places[placesAt + place] as number);
      values[cell] = (values[cell] as number) + sum;
      place++;
    }
  }
}

function runsOf(d: number, seed: string): SketchRuns {
  const columns = d >= runsFrom ? runColumns : 1;
  const count = Math.ceil(d / columns);
  const [places, signs] = [new Uint8Array(count), new Uint16Array(count)];
  if (d <= sketchBuckets) return { columns, places: places.map((_, run) => run), signs };
  const numbers = seededNumbers(`places ${seed}`);
  for (let run = 0; run < count; run++) {
    places[run] = numbers.integer(2 ** 16) % sketchBuckets;
    signs[run] = numbers.integer(2 ** 16);
  }
  return { columns, places, signs };
}
