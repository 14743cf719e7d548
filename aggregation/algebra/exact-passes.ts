import { type AggregateSink, memorySink, type UpdateBlocks } from '../blocks/blocks.ts';
import type { Geometry, TensorSlot } from '../geometry.ts';
import type { ColumnReduction, RowPair } from '../linear-algebra.ts';
import { addDot, chunkColumns } from '../ordered-sums.ts';
import type { Sketch } from '../places/sketch.ts';
import { geometryParts } from './kernels/geometry-parts.ts';
import type { KernelPool } from './kernels/kernel-pool.ts';
import type { SharedVector } from './kernels/kernel-task.ts';
import { chunksIn, roundUp } from './kernels/kernels.ts';

/** The exact passes of the algebra on the kernels, for sources that `canWalk`; same bits as the twin's. */

/** Blocks of about this many bytes: they stay in a core's own cache, and the message around each costs little. */
const blockBytes = 2 ** 20;

/** One value per column, streamed to the sink. */
export function reduceColumns(
  pool: KernelPool,
  source: UpdateBlocks,
  reduction: ColumnReduction,
  sink: AggregateSink,
): Promise<void> {
  return pool.walk(source, { kind: 'reduce', reduction }, columnsOf(source), ({ offset, columns, buffer, output }) =>
    sink.write(offset, copied(buffer, output, columns)),
  );
}

/** (Σ weights[j] x_j) / divisor, streamed to the sink. Reads only the rows whose weight is not zero. */
export async function combine(
  pool: KernelPool,
  source: UpdateBlocks,
  weights: Float64Array,
  divisor: number,
  sink: AggregateSink,
): Promise<void> {
  const kept = [...weights.keys()].filter((row) => weights[row] !== 0);
  if (kept.length === 0) {
    for (let offset = 0; offset < source.d; offset += 65_536) {
      await sink.write(offset, new Float64Array(Math.min(65_536, source.d - offset)));
    }
    return;
  }
  const picked = kept.length === source.n ? source : source.pick(kept);
  const rows = Int32Array.from(kept.keys());
  const task = {
    kind: 'combine',
    rows,
    weights: Float64Array.from(kept, (row) => weights[row] as number),
    divisor,
  } as const;
  await pool.walk(picked, task, columnsOf(picked), ({ offset, columns, buffer, output }) =>
    sink.write(offset, copied(buffer, output, columns)),
  );
}

/** `combine` of a source that was put together by columns, each part by itself; holds d values, since ranges may interleave. */
export async function combineJoined(
  pool: KernelPool,
  { d, joinedFrom = [] }: UpdateBlocks,
  weights: Float64Array,
  divisor: number,
  sink: AggregateSink,
): Promise<void> {
  const whole = new Float64Array(d);
  for (const { ranges, source } of joinedFrom) {
    const part = memorySink(source.d);
    await combine(pool, source, weights, divisor, part);
    let at = 0;
    for (const { offset, length } of ranges) {
      whole.set(part.values.subarray(at, at + length), offset);
      at += length;
    }
  }
  await sink.write(0, whole);
}

/** ‖x_i − Σ weights[j] x_j‖² for every row, shape [n]. */
export async function distancesToMean(
  pool: KernelPool,
  source: UpdateBlocks,
  weights: Float64Array,
): Promise<Float64Array> {
  const { n } = source;
  const sums = new Float64Array(n);
  const rows = Int32Array.from([...weights.keys()].filter((row) => weights[row] !== 0));
  const task = {
    kind: 'distancesToMean',
    rows,
    weights: Float64Array.from(rows, (row) => weights[row] as number),
  } as const;
  await pool.walk(source, task, wholeChunksOf(source), ({ columns, buffer, output }) => {
    addChunks(sums, new Float64Array(buffer, output, chunksIn(columns) * n));
  });
  return sums;
}

/** x_i · vector for every row, shape [n]. */
export async function dots(
  pool: KernelPool,
  source: UpdateBlocks,
  vector: Float32Array | Float64Array,
): Promise<Float64Array> {
  const { n } = source;
  const sums = new Float64Array(n);
  const task = { kind: 'dots', vector: sharedCopy(vector) } as const;
  await pool.walk(source, task, wholeChunksOf(source), ({ columns, buffer, output }) => {
    addChunks(sums, new Float64Array(buffer, output, chunksIn(columns) * n));
  });
  return sums;
}

/** As geometryOf of geometry.ts: for stored rows, and a sketch whose runs are of 16 columns. */
export async function geometry(
  pool: KernelPool,
  source: UpdateBlocks,
  point: Float64Array,
  slots: readonly TensorSlot[],
  sketch: Sketch | undefined,
): Promise<Geometry> {
  const { n } = source;
  const squaredDistances = new Float64Array(n * slots.length);
  const dots = new Float64Array(n);
  let squaredNorm = 0;
  const parts = { slots, signs: sketch?.runs.signs };
  const task = { kind: 'geometry', vector: sharedCopy(point), parts } as const;
  await pool.walk(source, task, wholeChunksOf(source), ({ offset, columns, buffer, output, outputBytes }) => {
    const values = new Float64Array(buffer, output, outputBytes / 8);
    for (const { piece, runs, start } of geometryParts(parts, n, offset, offset + columns)) {
      const { at, length, slot } = piece;
      squaredNorm = addDot(squaredNorm, point, at, point, at, length);
      sketch?.add(n, at, point, at, length);
      for (let row = 0; row < n; row++) {
        const cell = row * slots.length + slot;
        dots[row] = (dots[row] as number) + (values[start + row] as number);
        squaredDistances[cell] = (squaredDistances[cell] as number) + (values[start + n + row] as number);
        sketch?.addSums(row, at, length, values, start + 2 * n + row * runs);
      }
    }
  });
  return { squaredDistances, dots, squaredNorm };
}

function sharedCopy(vector: Float32Array | Float64Array): SharedVector {
  const memory = new SharedArrayBuffer(vector.byteLength);
  const copy = vector instanceof Float32Array ? new Float32Array(memory) : new Float64Array(memory);
  copy.set(vector);
  return copy;
}

/** Exact squared distances of the pairs, shape [pairs.length]. Reads only the rows that some pair names. */
export async function pairDistances(
  pool: KernelPool,
  source: UpdateBlocks,
  pairs: readonly RowPair[],
): Promise<Float64Array> {
  if (pairs.length === 0) return new Float64Array(0);
  const rows = Int32Array.from(new Set(pairs.flat())).sort();
  const place = new Map(Array.from(rows, (row, at) => [row, at]));
  const places = pairs.map(([i, j]): RowPair => [place.get(i) as number, place.get(j) as number]);
  const { groups, placeOf } = groupPairs(places, rows.length);
  const sums = new Float64Array((groups.length / 5) * 4);
  const picked = rows.length === source.n ? source : source.pick([...rows]);
  await pool.walk(picked, { kind: 'pairs', groups }, wholeChunksOf(picked), ({ columns, buffer, output }) => {
    addChunks(sums, new Float64Array(buffer, output, chunksIn(columns) * sums.length));
  });
  return Float64Array.from(placeOf, (at) => sums[at] as number);
}

/**
 * Pairs as groups {i, j0..j3} that share i, ordered so that the same rows of j come together: of many pairs four at a
 * time, whose promoted chunks of 8 KiB stay in the first-level cache while every i passes by; of few as many as the
 * second level holds. placeOf[p] is where pair p's distance lies among the groups' answers.
 */
function groupPairs(pairs: readonly RowPair[], n: number): { groups: Int32Array; placeOf: Int32Array } {
  const rowsTogether = pairs.length > 4 * n ? 4 : 64;
  const bandOf = (p: number) => Math.floor(((pairs[p] as RowPair)[1] as number) / rowsTogether);
  const rowOf = (p: number) => (pairs[p] as RowPair)[0];
  const order = Int32Array.from(pairs.keys()).sort((a, b) => bandOf(a) - bandOf(b) || rowOf(a) - rowOf(b) || a - b);
  const groups: number[] = [];
  const placeOf = new Int32Array(pairs.length);
  for (let at = 0; at < order.length; ) {
    const first = order[at] as number;
    const [band, i] = [bandOf(first), rowOf(first)];
    const members: number[] = [];
    while (at < order.length && members.length < 4) {
      const p = order[at] as number;
      if (bandOf(p) !== band || rowOf(p) !== i) break;
      placeOf[p] = (groups.length / 5) * 4 + members.length;
      members.push((pairs[p] as RowPair)[1]);
      at++;
    }
    const [j0, j1 = j0, j2 = j0, j3 = j0] = members as [number, ...number[]];
    groups.push(i, j0, j1, j2, j3);
  }
  return { groups: Int32Array.from(groups), placeOf };
}

/** Adds chunk after chunk, as ordered-sums.ts says. chunks: shape [chunks, sums.length]. */
function addChunks(sums: Float64Array, chunks: Float64Array): void {
  for (let start = 0; start < chunks.length; start += sums.length) {
    for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + (chunks[start + at] as number);
  }
}

/**
 * Stored float32 updates, and rows that are sums of such. Not with factors so small that a sum could underflow to -0,
 * which the float64 kernels would take for 0.
 */
export function canWalk({ precision, madeFrom }: UpdateBlocks): boolean {
  if (precision === 'float32') return true;
  if (madeFrom?.base.precision !== 'float32') return false;
  const usual = (value: number) => value === 0 || (Math.abs(value) > 1e-200 && Math.abs(value) < 1e200);
  return madeFrom.rowSums.every(({ factors, divisor }) => usual(divisor) && factors.every(usual));
}

/** Rows that take up a block's memory: stored ones, and twice the computed ones, which are float64. */
const rowsHeld = ({ n, madeFrom }: UpdateBlocks) => (madeFrom ? madeFrom.base.n + 2 * n : n);

/** Columns of a block for passes that may cut anywhere; 16 beside a multiple of 1,024, or rows would share cache sets. */
function columnsOf(source: UpdateBlocks): number {
  const n = rowsHeld(source);
  const columns = Math.max(1024, roundUp(Math.floor(blockBytes / (4 * n)), 1024));
  return n > 4096 ? 400 : Math.min(columns, 65_536) + 16;
}

function wholeChunksOf(source: UpdateBlocks): number {
  const n = rowsHeld(source);
  return chunkColumns * Math.max(1, Math.min(64, Math.floor(blockBytes / (4 * n * chunkColumns))));
}

/** Out of the worker's memory, which it will write to again. */
function copied(buffer: SharedArrayBuffer, at: number, length: number): Float64Array {
  return new Float64Array(buffer, at, length).slice();
}
