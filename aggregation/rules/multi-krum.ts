import { lowestScores } from '../distances/neighbour-scores.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseInteger, refuseRows } from '../requirements.ts';
import { type Decision, meanOfRows, type Updates } from '../updates.ts';
import { krumQuestion } from './krum.ts';

/**
 * Multi-Krum: the unweighted mean of the m updates of lowest Krum score; scores are computed once. Same paper as Krum.
 *
 * Shapes: updates [n, d] → [d]. Needs n ≥ 2f + 3 and 1 ≤ m ≤ n. The paper proves its bound for m ≤ n − f − 2; more than
 * n − f must average in at least one Byzantine update when f of them are. Breakdown point: f < (n − 2) / 2.
 * O(n²d) time, O(n²) memory. Ties to the lower row.
 */
export async function multiKrum(updates: Updates, f: number, m: number): Promise<Aggregated<Decision>> {
  const { n } = updates.source;
  const refused = refuseRows(needs.multiKrum, n, f) ?? refuseInteger('M_OUT_OF_RANGE', 'm', m, 1, n);
  if (refused) return refused;
  const selected = await lowestScores(await krumQuestion(updates, f), m);
  return ok(meanOfRows(updates.source, selected));
}
