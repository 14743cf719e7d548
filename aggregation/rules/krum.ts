import { lowestScores, type ScoreQuestion } from '../distances/neighbour-scores.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import { type Decision, meanOfRows, type Updates } from '../updates.ts';

/**
 * Krum: the one update whose n − f − 2 nearest others are nearest. Blanchard, El Mhamdi, Guerraoui, Stainer, "Machine
 * Learning with Adversaries: Byzantine Tolerant Gradient Descent", NeurIPS 2017.
 *
 *     score(i) = sum of the n − f − 2 smallest ‖x_i − x_j‖², j ≠ i;   aggregate = x_argmin, ties to the lower row
 *
 * Shapes: updates [n, d] → one row of them, [d]. Needs n ≥ 2f + 3. Breakdown point: f < (n − 2) / 2.
 * O(n²d) time for the distances, O(n²) memory. On heterogeneous clients it follows one of them: see NNM.
 */
export async function krum(updates: Updates, f: number): Promise<Aggregated<Decision>> {
  const refused = refuseRows(needs.krum, updates.source.n, f);
  if (refused) return refused;
  const selected = await lowestScores(await krumQuestion(updates, f), 1);
  return ok(meanOfRows(updates.source, selected));
}

/** The scores that Krum and Multi-Krum ask about: all n rows, n − f − 2 neighbours each. */
export async function krumQuestion(updates: Updates, f: number): Promise<ScoreQuestion> {
  const { n } = updates.source;
  return { distances: await updates.distances(), rows: [...Array(n).keys()], neighbours: n - f - 2 };
}
