import type { NamedSlice } from '../../client/tracks/flow/graph/slice.ts';
import { namedPairs, ReferenceGraph } from '../../client/tracks/flow/local/reference-graph.ts';

/** The graph of all pairs of some windows. */
export function graphOf(windows: readonly NamedSlice[]) {
  const reference = new ReferenceGraph();
  for (const window of windows) reference.learn(namedPairs(window));
  return reference.graph().graph;
}
