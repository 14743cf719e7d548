import { type Random, seededRandom } from '../../base/random.ts';
import type { Worker } from '../federation/sending.ts';

/** What a compromised cluster sends in the place of its honest delta (shape [d]; left untouched). */
export type Attack = Readonly<{ name: string; forge(delta: Float32Array, random: Random): Float32Array }>;

const scaled = (factor: number) => (delta: Float32Array) => delta.map((value) => factor * value);

/** Some values of the delta replaced, the rest honest: a finite check that looks at a sample would miss it. */
const poked = (value: number) => (delta: Float32Array, random: Random) => {
  const forged = Float32Array.from(delta);
  for (let count = 0; count < 3; count++) forged[Math.floor(random() * forged.length)] = value;
  return forged;
};

/** Gaussian noise of `factor` times the delta's norm: an update that teaches nothing, loudly. */
function noise(factor: number) {
  return (delta: Float32Array, random: Random) => {
    const norm = Math.sqrt(delta.reduce((sum, value) => sum + value * value, 0));
    const deviation = (factor * norm) / Math.sqrt(delta.length);
    return Float32Array.from(delta, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - random()));
      return deviation * radius * Math.cos(2 * Math.PI * random());
    });
  };
}

const flipAndScale: Attack = { name: 'flips and scales (×-5)', forge: scaled(-5) };

/** The first rows are the story's: one flips and scales, one sends NaN; then they change their ways. */
const schedules: readonly (readonly Attack[])[] = [
  [
    flipAndScale,
    { name: 'sends noise (×10)', forge: noise(10) },
    { name: 'flips quietly (×-1)', forge: scaled(-1) },
    { name: 'replaces the model (×8)', forge: scaled(8) },
  ],
  [
    { name: 'sends NaN', forge: poked(Number.NaN) },
    flipAndScale,
    { name: 'sends infinity', forge: poked(Number.POSITIVE_INFINITY) },
    { name: 'sends 1e20', forge: poked(1e20) },
  ],
];

/** What hostile cluster number `index` (from 0) does in round `round` (from 1). Any number of either is fine. */
export function attackOf(index: number, round: number): Attack {
  const schedule = schedules[index % schedules.length] as readonly Attack[];
  // Later pairs start elsewhere in the schedule, so that a large crowd of liars does not act as two.
  const turn = round - 1 + Math.floor(index / schedules.length);
  return schedule[turn % schedule.length] as Attack;
}

/** The delta that a hostile cluster sends: the same for the same seed, cluster and round. */
export function forgedDelta(delta: Float32Array, index: number, round: number, seed: number): Float32Array {
  return attackOf(index, round).forge(delta, seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ (index * 7919 + round)));
}

/** A cluster that learns as told and then lies about it. */
export function forging(work: Worker, index: number, seed: number): Worker {
  return async (base, round) => forgedDelta(await work(base, round), index, round, seed);
}
