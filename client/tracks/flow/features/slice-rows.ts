import { edgeFeatureNames } from '../graph/feature-names.ts';
import type { Slice } from '../graph/slice.ts';

/** The columns of a slice's edges that say how much and how: what the autoencoder of flow features reads of windows. */
export const sliceColumns: readonly string[] = edgeFeatureNames.filter((name) => !/^(port|api|status):/.test(name));
const places = sliceColumns.map((name) => edgeFeatureNames.indexOf(name));

/** One row for each edge, shape [edges, sliceColumns]. */
export function sliceRows(slices: readonly Slice[]): Float32Array {
  const width = places.length;
  const rows = new Float32Array(slices.reduce((sum, { edgeCount }) => sum + edgeCount, 0) * width);
  let at = 0;
  for (const { edgeCount, edgeFeatures } of slices) {
    for (let edge = 0; edge < edgeCount; edge++) {
      for (const place of places) rows[at++] = edgeFeatures[edge * edgeFeatureNames.length + place] as number;
    }
  }
  return rows;
}
