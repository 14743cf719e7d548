/**
 * Repeatable randomness: the same seed gives the same numbers on every machine, in every version. Not for keys, and not
 * for privacy noise. There are four published generators because what was drawn is written down and must be drawn again:
 * - `seededRandom`, mulberry32: initial weights, training order, the demo's figures;
 * - `seededNumbers`, xoshiro128**: bucketing, and so the digests of candidates;
 * - `seededUnit`, SHA-256: single decisions by name, such as which examples a buffer keeps;
 * - `congruentialStates`, a linear congruence: what other languages must draw too, as bench/ does beside its peers.
 */
import { createHash } from 'node:crypto';

/** Uniform in [0, 1). */
export type Random = () => number;

/** mulberry32 (Ettinger, 2017): 32 bits of state and of result. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform in [0, 1), 53 bits of SHA-256: a pure function of its arguments, for decisions that a restart must repeat. */
export function seededUnit(seed: number, purpose: string, index: number): number {
  const bytes = createHash('sha256').update(`${purpose}/${seed}/${index}`).digest();
  return (bytes.readUInt32BE(0) * 2 ** 21 + (bytes.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/** A stream of its own for each purpose that shares a seed. */
export function seededStream(seed: number, purpose: string): Random {
  return seededRandom(createHash('sha256').update(`${purpose}/${seed}`).digest().readUInt32LE(0));
}

export type SeededNumbers = Readonly<{
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform in 0..below−1, without bias. */
  integer(below: number): number;
  /** Standard normal. */
  normal(): number;
}>;

/** xoshiro128** (Blackman, Vigna 2018), its state the first 128 bits of SHA-256 over the seed. */
export function seededNumbers(seed: string): SeededNumbers {
  const digest = createHash('sha256').update(`testudo aggregation random\n${seed}`).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => digest.readUInt32LE(at)) as [number, number, number, number];
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  const uniform = () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
  return {
    uniform,
    integer(below) {
      const limit = 2 ** 32 - (2 ** 32 % below);
      for (;;) {
        const drawn = next();
        if (drawn < limit) return drawn % below;
      }
    },
    normal: () => normal(uniform),
  };
}

/** The states, signed 32 bits, of x → 1664525 x + 1013904223 mod 2^32 (Numerical Recipes). Low bits repeat soon. */
export function congruentialStates(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state;
  };
}

/** Standard normal (Box and Muller); 1 − u keeps the logarithm finite. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Normally distributed values, shape [count]. */
export function normalValues(count: number, stddev: number, random: Random): Float32Array {
  const values = new Float32Array(count);
  for (let index = 0; index < count; index++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    values[index] = stddev * radius * Math.cos(2 * Math.PI * random()); // In this order: weights are bits.
  }
  return values;
}

/** 0 … count − 1 in a random order. */
export function randomOrder(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  permute(order, random);
  return order;
}

/** A copy in a random order. */
export function shuffled<Item>(items: readonly Item[], random: Random | SeededNumbers): Item[] {
  const copy = [...items];
  permute(copy, random);
  return copy;
}

/** One draw from a symmetric Dirichlet distribution: `size` shares that sum to 1. Small alpha: few large shares. */
export function dirichlet(size: number, alpha: number, random: Random): number[] {
  const draws = Array.from({ length: size }, () => gamma(alpha, random));
  const total = draws.reduce((sum, draw) => sum + draw, 0);
  // Every draw can underflow when alpha is tiny: then all of it goes to one place, which is the distribution's limit.
  if (!(total > 0)) {
    const winner = Math.floor(random() * size);
    return draws.map((_, index) => (index === winner ? 1 : 0));
  }
  return draws.map((draw) => draw / total);
}

/** Gamma(shape, 1) after Marsaglia and Tsang (ACM TOMS 26, 2000); shapes below 1 by their boosting step. */
function gamma(shape: number, random: Random): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const drawn = normal(random);
    const v = (1 + c * drawn) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * drawn * drawn + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Fisher and Yates, in place. */
function permute<Item>(items: { readonly length: number; [at: number]: Item }, random: Random | SeededNumbers): void {
  const integer = typeof random === 'function' ? (below: number) => Math.floor(random() * below) : random.integer;
  for (let last = items.length - 1; last > 0; last--) {
    const other = integer(last + 1);
    const moved = items[last] as Item;
    items[last] = items[other] as Item;
    items[other] = moved;
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
