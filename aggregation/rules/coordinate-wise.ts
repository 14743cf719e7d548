import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseInteger, refuseRows } from '../requirements.ts';
import type { Decision, Updates } from '../updates.ts';

/**
 * Coordinate-wise median and trimmed mean. Yin, Chen, Ramchandran, Bartlett, "Byzantine-Robust Distributed Learning:
 * Towards Optimal Statistical Rates", ICML 2018, definitions 1 and 2.
 *
 * Shapes: updates [n, d] → [d]. O(d · n log n) time, O(n · block) memory. Every update takes part in some coordinate.
 */

/** Per coordinate the median; for an even n the mean of the two middle values. Needs n ≥ 2f + 1: breakdown point f < n / 2. */
export async function coordinateMedian(updates: Updates, f: number): Promise<Aggregated<Decision>> {
  const { source } = updates;
  const refused = refuseRows({ ...needs.majority, rule: 'the coordinate median' }, source.n, f);
  return (
    refused ?? ok({ plan: { kind: 'columns', source, reduction: { kind: 'median' } }, selected: allRows(source.n) })
  );
}

/** Per coordinate the mean without the `trim` lowest and highest values; trim = f gives the bound. Needs n ≥ 2 trim + 1. */
export async function trimmedMean(updates: Updates, trim: number): Promise<Aggregated<Decision>> {
  const { source } = updates;
  const refused =
    refuseRows({ ...needs.majority, rule: 'the trimmed mean' }, source.n, 0) ??
    refuseInteger('TRIM_OUT_OF_RANGE', 'trim', trim, 0, needs.majority.fMax(source.n));
  if (refused) return refused;
  return ok({
    plan: { kind: 'columns', source, reduction: { kind: 'trimmedMean', trim } },
    selected: allRows(source.n),
  });
}

export function allRows(n: number): number[] {
  return [...Array(n).keys()];
}
