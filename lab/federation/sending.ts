import { type AttackName, attacks } from '../../aggregation/attacks/attacks.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { Sending } from './federate.ts';

/** One cluster's work in a round (from 1): its delta from the base, shape [d]. `base` is left alone. */
export type Worker = (base: Float32Array, round: number) => Float32Array | Promise<Float32Array>;

/**
 * The same work, done once for each round and base: federations that differ in their rule or in who lies begin alike, and
 * learn the same in their first round. For work that comes out the same each time. Keeps what it has seen.
 */
export function remembering(work: Worker): Worker {
  const done: { round: number; base: Float32Array; delta: Float32Array }[] = [];
  return async (base, round) => {
    const bytes = bytesOfValues(base);
    const known = done.find((one) => one.round === round && Buffer.compare(bytesOfValues(one.base), bytes) === 0);
    if (known !== undefined) return known.delta.slice(); // Whoever forges it changes it.
    const delta = await work(base, round);
    done.push({ round, base: base.slice(), delta: delta.slice() });
    return delta;
  };
}

/** Every cluster sends what it learnt, and works in the order of the rows. */
export function asLearnt(workers: readonly Worker[]): Sending {
  return async (base, round) => {
    const deltas: Float32Array[] = [];
    for (const work of workers) deltas.push(await work(base, round));
    return deltas;
  };
}

/**
 * The first f clusters send what the attack makes of all honest deltas of the round, and do no work of their own. They come
 * first: where rows tie, the attacker wins, as in the worst case.
 */
export function underAttack(
  workers: readonly Worker[],
  { attack, f }: Readonly<{ attack: AttackName; f: number }>,
): Sending {
  const honestly = asLearnt(workers.slice(f));
  return async (base, round) => {
    const honest = await honestly(base, round);
    return [...(await attacks[attack]({ honest, f, seed: `round ${round - 1}` })), ...honest];
  };
}
