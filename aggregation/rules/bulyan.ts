import type { KnownDistances } from '../distances/known-distances.ts';
import { lowestScores } from '../distances/neighbour-scores.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import type { Decision, Updates } from '../updates.ts';

/**
 * Bulyan: run Krum again and again, each time taking its pick away, until θ = n − 2f are picked; then per coordinate
 * the mean of the β = θ − 2f picked values closest to their median. El Mhamdi, Guerraoui, Rouault, "The Hidden
 * Vulnerability of Distributed Learning in Byzantium", ICML 2018.
 *
 * Shapes: updates [n, d] → [d]. Needs n ≥ 4f + 3. Breakdown point: f < (n − 2) / 4. O(n²d) time for the distances, then
 * O(n³) for the picks; O(n²) memory.
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
  let rows = [...Array(distances.n).keys()];
  const table = sortedRows(distances);
  const picked: number[] = [];
  while (picked.length < distances.n - 2 * f) {
    if (rows.length === 1) return [...picked, ...rows]; // f = 0: the last one has no others to be near to.
    const neighbours = Math.max(1, rows.length - f - 2);
    const sortedOf = (row: number) => table.of(row, rows);
    const [pick] = (await lowestScores({ distances, rows, neighbours, sortedOf }, 1)) as [number];
    picked.push(pick);
    rows = rows.filter((row) => row !== pick);
    table.drop(pick, rows);
  }
  return picked;
}

/** Each row's distances to the rows left, ascending: sorted once, then only shortened, so that a pick costs O(n²). */
function sortedRows(distances: KnownDistances) {
  const kept = new Map<number, { values: Float64Array; version: number }>();
  return {
    of(row: number, rows: readonly number[]): Float64Array {
      const found = kept.get(row);
      const version = distances.version(row);
      if (found?.version === version) return found.values;
      const others = rows.filter((other) => other !== row);
      const values = Float64Array.from(others, (other) => distances.value(row, other)).sort();
      kept.set(row, { values, version });
      return values;
    },
    drop(gone: number, rows: readonly number[]): void {
      kept.delete(gone);
      for (const row of rows) {
        const found = kept.get(row);
        if (found?.version !== distances.version(row)) kept.delete(row);
        else found.values = without(found.values, distances.value(row, gone));
      }
    },
  };
}

/** The ascending values without one of those equal to `value`: which one does not matter. */
function without(values: Float64Array, value: number): Float64Array {
  const at = values.indexOf(value);
  values.copyWithin(at, at + 1);
  return values.subarray(0, values.length - 1);
}
