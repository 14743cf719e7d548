import { edgeFeatureNames } from './feature-names.ts';
import type { Slice } from './slice.ts';

const column = edgeFeatureNames.indexOf('refused-share');

/** Of everything that was seen of an edge in a slice, the share that was refused: 0 to 1. */
export function refusedShareOf({ edgeFeatures }: Slice, edge: number): number {
  return Math.min(1, edgeFeatures[edge * edgeFeatureNames.length + column] as number);
}
