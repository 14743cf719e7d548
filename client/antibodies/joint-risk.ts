import type { PlaceScores } from '../tracks/track-kind.ts';
import { quantile } from './normal-tail.ts';

/** How a model scores normal examples: its scores of different groups compare, so all of them make one scale. */
export type Scale = Readonly<{ usual: number; spread: number }>;

/** Scores that differ by less are the same: a model that scores all normal examples alike has no scale. */
const spreadMin = 0.05;

export function scaleOf(scored: readonly PlaceScores[]): Scale {
  const sorted = scored.flatMap(({ scores }) => [...scores]).sort((a, b) => a - b);
  if (sorted.length === 0) return { usual: 0, spread: 1 };
  const usual = quantile(sorted, 0.5);
  return { usual, spread: Math.max(spreadMin, quantile(sorted, 0.99) - usual) };
}

/** How far a score is on the way from what is usual (0) to what one in a hundred normal examples passes (1). */
export function riskOn({ usual, spread }: Scale, score: number): number {
  return (score - usual) / spread;
}

/**
 * What antibodies say of an attack counts twice what the model says: it knows the attack. This, `beyondOne` and how features are weighed
 * were chosen on draws of who confirms which attack that `npm run bench -- antibodies` does not report.
 */
const antibodyWeight = 2;
/**
 * How much of the model's risk beyond 1 counts: few normal examples show no rarer share, and where what is normal has moved, a quarter
 * of all normal places are there.
 */
const beyondOne = 0.6;
/** How much of it counts below usual: that a place is very usual to the model excuses little of what an antibody knows. */
const belowUsual = 0.1;

/**
 * Both risks as one sum: risks are logarithms of p-values, and to add them is to multiply those (Fisher). Rises with the model's, so that
 * where antibodies say nothing places keep the order that the model gave them. ofAntibodies: not negative.
 */
export function jointRisk(ofModel: number, ofAntibodies: number): number {
  const share = ofModel < 0 ? belowUsual * ofModel : Math.min(ofModel, 1) + beyondOne * Math.max(0, ofModel - 1);
  return share + antibodyWeight * ofAntibodies;
}

/** The joint risk that one in a hundred normal places passes; the model's alone where there are few or none. */
export function limitOf(risks: readonly number[]): number {
  return risks.length === 0
    ? 1
    : Math.max(
        1,
        quantile(
          risks.toSorted((a, b) => a - b),
          0.99,
        ),
      );
}
