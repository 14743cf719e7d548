import { type Aggregated, ok } from '../fault.ts';
import type { KnownDistances } from '../known-distances.ts';
import { lowestScores } from '../neighbour-scores.ts';
import { needs, refuseRows } from '../requirements.ts';
import type { Decision, Updates } from '../updates.ts';

/**
 * Bulyan: run Krum again and again, each time taking its pick away, until θ = n − 2f are picked; then per coordinate
 * the mean of the β = θ − 2f picked values closest to their median. El Mhamdi, Guerraoui, Rouault, "The Hidden
 * Vulnerability of Distributed Learning in Byzantium", ICML 2018.
 *
 * Shapes: updates [n, d] → [d]. Needs n ≥ 4f + 3. Breakdown point: f < (n − 2) / 4. O(n²d) time for the distances, then
 * O(n³ log n) for the picks; O(n²) memory.
 *
 * Left open by the paper, chosen here: with r rows left Krum counts r − f − 2 neighbours, but at least one (it would be
 * none on the last pick when f = 1); an even θ has as its median the mean of the two middle values; ties between rows go
 * to the lower row, ties between values to the lower value.
 */
export async function bulyan(updates: Updates, f: number): Promise<Aggregated<Decision>> {
  const { n } = updates.source;
  const refused = refuseRows(needs.bulyan, n, f);
  if (refused) return refused;
  const picked = await bulyanPicks(await updates.distances(), f);
  const selected = picked.toSorted((a, b) => a - b);
  const source = updates.source.pick(selected);
  return ok({ plan: { kind: 'columns', source, reduction: { kind: 'meanAroundMedian', keep: n - 4 * f } }, selected });
}

/** The n − 2f rows that repeated Krum picks, in the order of picking. */
export async function bulyanPicks(distances: KnownDistances, f: number): Promise<number[]> {
  let left = [...Array(distances.n).keys()];
  const picked: number[] = [];
  while (picked.length < distances.n - 2 * f) {
    if (left.length === 1) return [...picked, ...left]; // f = 0: the last one has no others to be near to.
    const neighbours = Math.max(1, left.length - f - 2);
    const [pick] = await lowestScores({ distances, rows: left, neighbours }, 1);
    picked.push(pick as number);
    left = left.filter((row) => row !== pick);
  }
  return picked;
}
