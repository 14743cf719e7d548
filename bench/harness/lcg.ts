import { createHash } from 'node:crypto';
import { congruentialStates } from '../../base/random.ts';

/**
 * The recurrence of ../shared/bench/peers/lcg.py: inputs that any language rebuilds bit for bit, uniform in [-1, 1), the
 * first f rows scaled by -8 to play the Byzantine clusters. Calls `row` with each of the n rows in turn; `row` gives
 * the array of d values to fill.
 */
export function fillLcgRows(n: number, f: number, d: number, arrayOf: (row: number) => Float32Array, seed = 7): void {
  for (const _ of lcgRows(n, f, d, arrayOf, seed));
}

/** As `fillLcgRows`, for who does something with each row before he wants the next. */
export function* lcgRows(
  n: number,
  f: number,
  d: number,
  arrayOf: (row: number) => Float32Array,
  seed = 7,
): Generator<Float32Array> {
  let start = Math.imul(seed, 0x9e3779b9);
  for (let row = 0; row < n; row++) {
    start ^= start << 13;
    start ^= start >>> 17;
    start ^= start << 5;
    const values = arrayOf(row);
    fillRow(values, d, start, row < f ? -8 : 1);
    yield values;
  }
}

function fillRow(values: Float32Array, d: number, start: number, scale: number): void {
  const factor = scale / 8388608; // A power of two: exact.
  const next = congruentialStates(start);
  for (let at = 0; at < d; at++) values[at] = ((next() >>> 8) - 8388608) * factor;
}

/** The n rows over shared memory, where worker threads read them without a copy. */
export function lcgMatrix(n: number, f: number, d: number, seed = 7): Float32Array<SharedArrayBuffer>[] {
  const rows = Array.from({ length: n }, () => new Float32Array(new SharedArrayBuffer(4 * d)));
  fillLcgRows(n, f, d, (row) => rows[row] as Float32Array, seed);
  return rows;
}

/** SHA-256 of the rows' little-endian bytes, as lcg.py prints it. */
export function inputSha256(rows: readonly Float32Array[]): string {
  const digest = createHash('sha256');
  for (const row of rows) digest.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  return digest.digest('hex');
}
