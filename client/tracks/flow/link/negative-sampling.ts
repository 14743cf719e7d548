/**
 * Pairs that are no edges, to tell edges from. Any two workloads are mostly easy to tell from an edge by their degrees alone,
 * so most negatives keep one end of an edge, or are two steps apart, which is also where an intruder goes next.
 */
import type { Random } from '../../../../base/random.ts';
import type { Adjacency } from './link-graph.ts';

export const negativeKinds = ['any', 'otherTarget', 'otherSource', 'twoSteps', 'turned'] as const;
export type NegativeKind = (typeof negativeKinds)[number];

/** How a training step draws them. */
const mixture: readonly NegativeKind[] = [
  'any',
  'any',
  'otherTarget',
  'otherTarget',
  'otherSource',
  'twoSteps',
  'turned',
];

const triesMax = 16;

/**
 * A non-edge of `known` (all edges there are, hidden ones too) made from the edge source → target; undefined where none was
 * found, as in a graph where everybody calls everybody.
 */
export function negativeOf(
  known: Adjacency,
  source: number,
  target: number,
  random: Random,
  kind: NegativeKind = mixture[Math.floor(random() * mixture.length)] as NegativeKind,
): readonly [number, number] | undefined {
  const anyNode = () => Math.floor(random() * known.nodeCount);
  for (let attempt = 0; attempt < triesMax; attempt++) {
    const [from, to] = candidate(known, source, target, attempt < triesMax / 2 ? kind : 'any', anyNode, random);
    if (from !== to && !known.has(from, to)) return [from, to];
  }
  return undefined;
}

function candidate(
  known: Adjacency,
  source: number,
  target: number,
  kind: NegativeKind,
  anyNode: () => number,
  random: Random,
): [number, number] {
  switch (kind) {
    case 'any':
      return [anyNode(), anyNode()];
    case 'otherTarget':
      return [source, anyNode()];
    case 'otherSource':
      return [anyNode(), target];
    case 'turned':
      return [target, source];
    case 'twoSteps': {
      const next = known.around[target] as Uint32Array;
      return [source, next[Math.floor(random() * next.length)] ?? anyNode()];
    }
  }
}
