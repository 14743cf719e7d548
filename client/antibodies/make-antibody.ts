import { type Antibody, featuresMax } from '../../proto/antibody.ts';
import { logRatio } from './log-ratio.ts';

/** Who makes it of what, when. */
export type AntibodyHead = Pick<Antibody, 'federation' | 'track' | 'cluster' | 'family' | 'madeAtMs' | 'expiresAtMs'>;

/**
 * An antibody of confirmed examples: each example's antigens, distinct contents only. Features that normal examples have too stay in it:
 * that an attack rarely does what is usual tells it apart as well. Of more features than fit, those stay that tell most
 * (log-likelihood ratio, either way, times share). Undefined where no feature speaks for the attack: it looks like normal work.
 *
 * noise: scale of the Laplace noise on each feature's count, 0 for none. It blurs how many of the confirmed examples had a feature;
 * that it was there at all shows unless noise takes it below one half. No formal privacy follows from it.
 */
export function makeAntibody(
  head: AntibodyHead,
  confirmed: readonly Uint32Array[],
  normal: readonly Uint32Array[],
  { noise = 0, random = Math.random }: Readonly<{ noise?: number; random?: () => number }> = {},
): Antibody | undefined {
  const [inAttacks, inNormal] = [countsOf(confirmed), countsOf(normal)];
  let tells = false;
  const telling: { feature: number; share: number; weight: number }[] = [];
  for (const [feature, seen] of inAttacks) {
    const count = Math.min(confirmed.length, seen + laplace(noise, random));
    if (count < 0.5) continue;
    const ratio = logRatio({ count, of: confirmed.length }, { count: inNormal.get(feature) ?? 0, of: normal.length });
    tells ||= ratio > 0;
    const share = count / confirmed.length;
    telling.push({ feature, share, weight: Math.abs(ratio) * share });
  }
  if (!tells) return undefined;
  telling.sort((a, b) => b.weight - a.weight || a.feature - b.feature);
  const kept = telling.slice(0, featuresMax).sort((a, b) => a.feature - b.feature);
  return {
    ...head,
    examples: Math.min(1_000, confirmed.length),
    features: Uint32Array.from(kept, ({ feature }) => feature),
    shares: Uint8Array.from(kept, ({ share }) => Math.max(1, Math.round(share * 255))),
  };
}

/** In how many of the examples each feature is. */
export function countsOf(examples: readonly Uint32Array[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const features of examples) {
    for (const feature of features) counts.set(feature, (counts.get(feature) ?? 0) + 1);
  }
  return counts;
}

function laplace(scale: number, random: () => number): number {
  if (scale === 0) return 0;
  const uniform = random() - 0.5;
  return -scale * Math.sign(uniform) * Math.log(1 - 2 * Math.abs(uniform));
}
