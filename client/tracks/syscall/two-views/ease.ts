/** EASE over the calls of one class: how far a set of calls is from what normal sets would complete it to. */
import { vocabulary } from '../../../events/vocabulary.ts';
import { classHash } from '../traces/call-hash.ts';
import { pairSlot } from './hash.ts';

/** How strongly each call is said by itself: λ of the ridge, in units in which calls have a mean square of 2. */
const ridge = 0.3;
const traceOfAll = 2 * vocabulary.length;

export class Ease {
  /** Position of a call in the weights; −1 where no normal trace had it. */
  readonly #places: Int16Array;
  readonly #width: number;
  /** B, row-major [width, width]: what call i says about call j. */
  readonly #weights: Float32Array;

  /** Without evidence every set is as far as can be. */
  constructor(places: Int16Array, width: number, weights: Float32Array) {
    this.#places = places;
    this.#width = width;
    this.#weights = weights;
  }

  /**
   * calls: a class's diagonal, shape [vocabulary]; pairs: the hashed pairs. What a hostile or broken aggregate may hold (negative, no
   * number, pairs that no sets can have) is cut to what sets can have. steadied: see `weightsOf`.
   */
  static open(calls: Float32Array, pairs: Float32Array, classId: number, steadied = false): Ease {
    const present = [...calls.keys()].filter((call) => isEvidence(calls[call] as number));
    const places = new Int16Array(calls.length).fill(-1);
    for (const [place, call] of present.entries()) places[call] = place;
    const width = present.length;
    const total = present.reduce((sum, call) => sum + (calls[call] as number), 0);
    const scale = traceOfAll / total;
    const matrix = new Float64Array(width * width);
    const ofClass = classHash(classId);
    for (let i = 0; i < width; i++) {
      const [one, own] = [present[i] as number, calls[present[i] as number] as number];
      matrix[i * width + i] = own * scale + ridge;
      for (let j = 0; j < i; j++) {
        const other = present[j] as number;
        const value = pairs[pairSlot(ofClass, one, other, pairs.length)] as number;
        // Two calls are together no more often than the rarer one occurs at all.
        const together = isEvidence(value) ? Math.min(value, own, calls[other] as number) : 0;
        matrix[i * width + j] = matrix[j * width + i] = together * scale;
      }
    }
    return new Ease(places, width, weightsOf(matrix, width, steadied));
  }

  /** ‖x − xB‖² / |x|: 0 where each call follows from the others, about 1 where none does. present: ascending, not empty. */
  distance(present: Uint16Array): number {
    return this.residuals(present).total / present.length;
  }

  /** What is left of each call once the others have explained it, and of calls that the others would expect. */
  residuals(present: Uint16Array): Readonly<{ total: number; byCall: Float64Array }> {
    const width = this.#width;
    const expected = new Float64Array(width);
    let unknown = 0;
    const known: number[] = [];
    for (const call of present) {
      const place = this.#places[call] as number;
      if (place < 0) {
        unknown++;
        continue;
      }
      known.push(place);
      const row = place * width;
      for (let j = 0; j < width; j++) expected[j] = (expected[j] as number) + (this.#weights[row + j] as number);
    }
    for (const place of known) expected[place] = (expected[place] as number) - 1;
    let total = unknown;
    for (let j = 0; j < width; j++) total += (expected[j] as number) ** 2;
    const byCall = Float64Array.from(present, (call) => {
      const place = this.#places[call] as number;
      return place < 0 ? 1 : (expected[place] as number) ** 2;
    });
    return { total, byCall };
  }
}

function isEvidence(value: number): boolean {
  return value > 0 && value < 1e6;
}

/**
 * B_ij = −P_ij / P_jj with P the inverse; a matrix that is not positive definite, as pairs that share a slot bring about, gets more ridge until
 * it is. What has just become so may be as good as singular, and distances a hundred times what they can be: steadied, it gets as much again.
 */
function weightsOf(matrix: Float64Array, width: number, steadied: boolean): Float32Array {
  const lift = (by: number) => {
    for (let i = 0; i < width; i++) matrix[i * width + i] = (matrix[i * width + i] as number) + by;
    return inverted(matrix, width);
  };
  let inverse = inverted(matrix, width);
  let lifted = 0;
  for (let more = ridge; inverse === undefined; more *= 2) {
    inverse = lift(more);
    lifted += more;
  }
  if (steadied && lifted > 0) inverse = lift(lifted) ?? inverse;
  const weights = new Float32Array(width * width);
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      if (i !== j) weights[i * width + j] = -(inverse[i * width + j] as number) / (inverse[j * width + j] as number);
    }
  }
  return weights;
}

/** The inverse of a symmetric positive definite matrix by Cholesky's decomposition; undefined where it is not one. */
function inverted(matrix: Float64Array, width: number): Float64Array | undefined {
  const lower = matrix.slice();
  for (let j = 0; j < width; j++) {
    let square = lower[j * width + j] as number;
    for (let k = 0; k < j; k++) square -= (lower[j * width + k] as number) ** 2;
    if (!(square > 1e-9)) return undefined;
    const pivot = Math.sqrt(square);
    lower[j * width + j] = pivot;
    for (let i = j + 1; i < width; i++) {
      let sum = lower[i * width + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * width + k] as number) * (lower[j * width + k] as number);
      lower[i * width + j] = sum / pivot;
    }
  }
  const inverse = new Float64Array(width * width);
  const column = new Float64Array(width);
  for (let c = 0; c < width; c++) {
    column.fill(0);
    for (let i = c; i < width; i++) {
      let sum = i === c ? 1 : 0;
      for (let k = c; k < i; k++) sum -= (lower[i * width + k] as number) * (column[k] as number);
      column[i] = sum / (lower[i * width + i] as number);
    }
    for (let i = width - 1; i >= 0; i--) {
      let sum = column[i] as number;
      for (let k = i + 1; k < width; k++) sum -= (lower[k * width + i] as number) * (column[k] as number);
      column[i] = sum / (lower[i * width + i] as number);
    }
    for (let i = 0; i < width; i++) inverse[i * width + c] = column[i] as number;
  }
  return inverse;
}
