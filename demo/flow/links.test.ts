import { describe, expect, it } from 'vitest';
import type { LinkGraph } from '../../client/tracks/flow/link/link-graph.ts';
import { linkBaselines, linkQuality } from './links.ts';

const graph = (nodeCount: number, pairs: readonly (readonly [number, number])[]): LinkGraph => ({
  nodeCount,
  traits: new Float32Array(nodeCount),
  traitWidth: 1,
  sources: Uint32Array.from(pairs, ([source]) => source),
  targets: Uint32Array.from(pairs, ([, target]) => target),
  edgeFeatures: new Float32Array(pairs.length),
  edgeWidth: 1,
});
const chain = graph(4, [
  [0, 1],
  [1, 2],
  [2, 3],
]);

describe('linkQuality', () => {
  it('hides each edge in turn and sets every other pair against it', () => {
    const asked: string[] = [];
    const { edges, nonEdges } = linkQuality([chain], (visible, { sources, targets }) => {
      asked.push(`${visible.sources} hide ${sources[0]}-${targets[0]}`);
      return sources.map(() => 0);
    });
    expect(asked).toEqual(['1,2 hide 0-1', '0,2 hide 1-2', '0,1 hide 2-3']);
    expect({ edges, nonEdges }).toEqual({ edges: 3, nonEdges: 3 * (4 * 3 - 3) });
  });

  it('gives 1 to who knows the edges, 0.5 to who only knows the pairs that were seen', () => {
    const knows = linkQuality([chain], (_, { sources, targets }) =>
      sources.map((source, at) => (targets[at] === source + 1 ? 1 : 0)),
    );
    expect(knows.auc).toBe(1);
    expect(linkQuality([chain], linkBaselines.seenPair).auc).toBe(0.5);
  });

  it('judges by neighbours in common without the hidden edge', () => {
    const triangle = graph(4, [
      [0, 1],
      [1, 2],
      [0, 2],
    ]);
    // Hiding any side leaves both ends one neighbour in common; only the turned sides share as many.
    const { auc } = linkQuality([triangle], linkBaselines.commonNeighbours);
    expect(auc).toBeGreaterThan(0.6);
    expect(linkQuality([], linkBaselines.commonNeighbours).auc).toBeNaN();
  });
});
