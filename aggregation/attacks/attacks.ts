import { type SeededNumbers, seededNumbers } from '../../base/random.ts';
import { fangAgainstKrum } from './fang-krum.ts';
import { deviationOf, dot, meanOf } from './honest.ts';
import { littleIsEnough, littleIsEnoughZ } from './little-is-enough.ts';
import { mimicked } from './mimic.ts';
import { minMax, minSum } from './min-max.ts';
import { innerProductManipulation, scaledReplacement, signFlip } from './multiples-of-mean.ts';

/** What an attacker with full knowledge has: the honest updates of this round, how many to make, and a seed. */
export type Scene = Readonly<{ honest: readonly Float32Array[]; f: number; seed: string }>;

/** f updates of shape [d] for the Byzantine clients to send. Seeded: the same scene gives the same updates. */
export type Attack = (scene: Scene) => Promise<Float32Array[]> | Float32Array[];

/** Every attack that rules are tested against, by name. For tests and studies only: nothing that decides a round imports them. */
export const attacks = {
  'sign flip': ({ honest, f }) => copies(signFlip(honest, 1), f),
  'sign flip ×4': ({ honest, f }) => copies(signFlip(honest, 4), f),
  gaussian: ({ honest, f, seed }) => {
    const random = seededNumbers(`gaussian ${seed}`);
    const length = typicalNorm(honest);
    return Array.from({ length: f }, () => directed(random, honest, 5 * length));
  },
  constant: ({ honest, f }) => {
    const d = meanOf(honest).length;
    return copies(new Float64Array(d).fill((10 * typicalNorm(honest)) / Math.sqrt(d)), f);
  },
  alie: ({ honest, f }) => copies(littleIsEnough(honest, littleIsEnoughZ(honest.length + f, f)), f),
  'alie z=1.5': ({ honest, f }) => copies(littleIsEnough(honest, -1.5), f),
  'ipm ε=0.1': ({ honest, f }) => copies(innerProductManipulation(honest, 0.1), f),
  'ipm ε=0.5': ({ honest, f }) => copies(innerProductManipulation(honest, 0.5), f),
  'ipm ε=100': ({ honest, f }) => copies(innerProductManipulation(honest, 100), f),
  mimic: ({ honest, f, seed }) => copies(honest[mimicked(honest, seed)] as Float32Array, f),
  'fang against krum': async ({ honest, f }) => copies(await fangAgainstKrum(honest, f), f),
  'min-max': ({ honest, f }) => copies(minMax(honest, 'unit').vector, f),
  'min-sum': ({ honest, f }) => copies(minSum(honest, 'unit').vector, f),
  'scaled replacement': ({ honest, f }) => copies(scaledReplacement(honest, f, signFlip(honest, 1)), f),
  'duplicate pair': ({ honest, f, seed }) => {
    // At distance 0 from each other, one deviation of every coordinate away from the mean, in random directions.
    const random = seededNumbers(`duplicate ${seed}`);
    const deviation = deviationOf(honest, 0);
    const point = meanOf(honest).map((value, j) => value + (random.integer(2) * 2 - 1) * (deviation[j] as number));
    return copies(point, f);
  },
  nan: ({ honest, f, seed }) => malformed(honest, f, seed, Number.NaN),
  infinity: ({ honest, f, seed }) => malformed(honest, f, seed, Number.POSITIVE_INFINITY),
  '1e20': ({ honest, f, seed }) => malformed(honest, f, seed, 1e20),
} as const satisfies Record<string, Attack>;

export type AttackName = keyof typeof attacks;

function copies(vector: ArrayLike<number>, f: number): Float32Array[] {
  return Array.from({ length: f }, () => Float32Array.from(vector));
}

/** An honest update with one value replaced: what a rule without a check of its input may never notice. */
function malformed(honest: readonly Float32Array[], f: number, seed: string, value: number): Float32Array[] {
  const random = seededNumbers(`malformed ${seed}`);
  return Array.from({ length: f }, () => {
    const vector = Float32Array.from(honest[random.integer(honest.length)] as Float32Array);
    vector[random.integer(vector.length)] = value;
    return vector;
  });
}

function directed(random: SeededNumbers, honest: readonly Float32Array[], length: number): Float32Array {
  const vector = meanOf(honest).map(() => random.normal());
  const scale = length / Math.sqrt(dot(vector, vector));
  return Float32Array.from(vector, (value) => value * scale);
}

/** Root of the mean squared norm. */
function typicalNorm(honest: readonly Float32Array[]): number {
  return Math.sqrt(honest.reduce((sum, vector) => sum + dot(vector, vector), 0) / honest.length);
}
