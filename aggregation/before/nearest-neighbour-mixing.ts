import { groupMeans } from '../blocks/views.ts';
import { knownDistances } from '../distances/known-distances.ts';
import { nearestOthers } from '../distances/nearest.ts';
import { groupMeanDistances, identityOfGroups } from '../distances/view-distances.ts';
import { type Aggregated, ok } from '../fault.ts';
import { needs, refuseRows } from '../requirements.ts';
import { type Updates, updatesOf } from '../updates.ts';

/** `groups[i]`: the rows that mixed row i is the mean of, ascending. */
export type Mixed = Readonly<{ updates: Updates; groups: readonly (readonly number[])[] }>;

/**
 * Nearest-neighbour mixing (NNM): every update replaced by the mean of its n − f nearest, itself among them. Allouah,
 * Farhadkhani, Guerraoui, Gupta, Pinot, Stephan, "Fixing by Mixing: A Recipe for Optimal Byzantine ML under
 * Heterogeneity", AISTATS 2023. What lets a selecting rule such as Krum work on clients that differ.
 *
 * Shapes: [n, d] → [n, d]. Needs n ≥ 2f + 1. O(n²d) time for the distances, O(n³) for those of the mixed rows, which are
 * derived from them; mixed rows are computed while they are read, so memory is O(n² + n · block) and never n × d.
 * An update counts itself first, then the nearest, ties to the lower row.
 */
export async function mixNearestNeighbours(updates: Updates, f: number): Promise<Aggregated<Mixed>> {
  const { n } = updates.source;
  const refused = refuseRows({ ...needs.majority, rule: 'nearest-neighbour mixing' }, n, f);
  if (refused) return refused;
  const nearest = await nearestOthers(await updates.distances(), [...Array(n).keys()], n - f - 1);
  const groups = nearest.map((others, row) => [...others, row].sort((a, b) => a - b));
  return ok({ updates: meansOf(updates, groups), groups });
}

/** Means of groups of rows as Updates, their distances derived rather than computed. Shared with bucketing. */
export function meansOf(updates: Updates, groups: readonly (readonly number[])[]): Updates {
  const { algebra } = updates;
  const source = groupMeans(updates.source, groups);
  const distances = async () => {
    const matrix = groupMeanDistances(await updates.distances(), await updates.squaredNorms(), groups, source.d);
    return knownDistances(algebra, source, matrix, identityOfGroups(groups));
  };
  return updatesOf(algebra, source, { distances });
}
