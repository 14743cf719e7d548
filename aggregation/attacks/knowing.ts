import type { Scene } from './attacks.ts';
import { along, dot, meanOf, scaled, type Vectors } from './honest.ts';

/**
 * Attackers who know the rule, the sample and the data. `directions`: where the model gets worse, shape [d], any length
 * (gradients of the loss, of one class's say). `damageOf`: what the attacker's own run of the rule makes of the f updates
 * that it would send, by whatever the attacker wants: more is worse for the federation.
 */
export type KnowingScene = Scene &
  Readonly<{
    directions: readonly (Float32Array | Float64Array)[];
    damageOf(sent: readonly Float32Array[]): Promise<number>;
  }>;

/** Multiples of the honest median norm that are tried beside the 1.5 that clipping lets through. */
const lengths = [0.3, 0.7, 4];

/**
 * Tailored ascent: of all directions, hidden behind the honest mean, the one that the rule lets do most damage; then whether
 * it does more alone, and the length at which it does most. After the adaptive attacks of Fang, Cao, Jia, Gong (USENIX
 * Security 2020) and Shejwalkar, Houmansadr (NDSS 2021, "AGR-tailored"), with the rule run instead of solved. Where nothing
 * does damage, zeros. Deterministic. directions.length + 5 runs of the rule.
 */
export async function tailored({ honest, f, directions, damageOf }: KnowingScene): Promise<Float32Array[]> {
  const mean = meanOf(honest);
  const nothing = new Float64Array(mean.length);
  const norm = medianNorm(honest);
  type Choice = Readonly<{ direction: Float32Array | Float64Array; carrier: Float64Array; length: number }>;
  let best: Readonly<{ sent: Float32Array[]; damage: number; choice?: Choice }> = {
    sent: copies(nothing, f),
    damage: 0,
  };
  best = { ...best, damage: await damageOf(best.sent) };
  const keepIfWorse = async (choice: Choice) => {
    const sent = copies(along(choice.carrier, choice.length * norm, unit(choice.direction)), f);
    const damage = await damageOf(sent);
    if (damage > best.damage) best = { sent, damage, choice };
  };
  for (const direction of directions) await keepIfWorse({ direction, carrier: mean, length: 1.5 });
  const fallback = { direction: directions[0] ?? mean, carrier: mean, length: 1.5 };
  await keepIfWorse({ ...(best.choice ?? fallback), carrier: nothing });
  const chosen = best.choice ?? fallback;
  for (const length of lengths) await keepIfWorse({ ...chosen, length });
  return best.sent;
}

/** Class kill: away from one class, as long as a rule that clips at one and a half medians lets through. Seedless. */
export function classKill({ honest, f }: Scene, direction: Float32Array | Float64Array): Float32Array[] {
  return copies(scaled(unit(direction), 1.5 * medianNorm(honest)), f);
}

/**
 * Drift: every round the honest mean and a little of always the same direction, too little to stand out. The
 * time-coupled attack of Karimireddy, He, Jaggi, ICML 2021 ("a little each round"), with a direction that is worth it.
 */
export function drift({ honest, f }: Scene, direction: Float32Array | Float64Array): Float32Array[] {
  return copies(along(meanOf(honest), 0.3 * medianNorm(honest), unit(direction)), f);
}

/** Sleeper: honest work until round `wakesAt`, so that nothing in its record speaks against it, and an attack from there on. */
export function sleeper<Sent>(round: number, wakesAt: number, honestly: () => Sent, attack: () => Sent): Sent {
  return round < wakesAt ? honestly() : attack();
}

/**
 * A table that counts, with other evidence put among its own, at the norm that honest ones have: what whitelists one family
 * of attacks in a class of the attacker's own. `share` of the squared norm is poison. Shapes [d] → [d].
 */
export function whitelisting(own: Float32Array, poison: Float32Array, share: number): Float32Array {
  const norm = Math.sqrt(dot(own, own));
  const mixed = along(scaled(unit(own), Math.sqrt(1 - share)), Math.sqrt(share), Float64Array.from(unit(poison)));
  return Float32Array.from(scaled(unit(mixed), norm));
}

/** Sybils that declare a rare class: f tables that hold nothing but what they want believed of it, at the honest norm. */
export function sybils(f: number, poison: Float32Array, norm: number): Float32Array[] {
  return copies(scaled(unit(poison), norm), f);
}

/**
 * Two-faced: honest work wherever somebody can check it, and a lie in the places where nobody can, at most `length` long in each.
 * `blind`: the ranges that the liar has a say in and that no sample covers, with what it wants believed there, shape of the
 * range. What a rule withstands that takes honest work in one place for honesty in all. Shape [d] → [d].
 */
export function twoFaced(
  own: Float32Array,
  blind: readonly Readonly<{ offset: number; lie: ArrayLike<number> }>[],
  length: number,
): Float32Array {
  const sent = own.slice();
  for (const { offset, lie } of blind) sent.set(scaled(unit(Float64Array.from(lie)), length), offset);
  return sent;
}

/** The middle norm, the upper of two. */
export function medianNorm(vectors: Vectors): number {
  const norms = vectors.map((vector) => Math.sqrt(dot(vector, vector))).sort((a, b) => a - b);
  return norms[norms.length >> 1] as number;
}

function unit(vector: Float32Array | Float64Array): Float64Array {
  const norm = Math.sqrt(dot(vector, vector));
  return Float64Array.from(vector, (value) => (norm === 0 ? 0 : value / norm));
}

function copies(vector: ArrayLike<number>, f: number): Float32Array[] {
  return Array.from({ length: f }, () => Float32Array.from(vector));
}
