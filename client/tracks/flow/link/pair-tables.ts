import type { Adjacency } from './link-graph.ts';

/** Larger graphs are sparse: counting pair by pair is then as quick, and needs no n² memory. */
const nodesMax = 2_048;

/** Counts of all pairs of nodes at once, each shape [n, n], row-major: for scoring many pairs of one graph. */
export type PairTables = Readonly<{
  /** Targets, and callers, that a and b share. */
  targets: Uint16Array;
  callers: Uint16Array;
  /** Ways of two steps from a to b. */
  steps: Uint16Array;
  adamicAdar: Float32Array;
}>;

const known = new WeakMap<Adjacency, PairTables>();

/** The tables of a graph, made once; undefined for a graph too large for them. O(n² + Σ degree²). */
export function pairTables(graph: Adjacency): PairTables | undefined {
  if (graph.nodeCount > nodesMax) return undefined;
  const found = known.get(graph) ?? made(graph);
  known.set(graph, found);
  return found;
}

function made({ nodeCount: n, out, into, around }: Adjacency): PairTables {
  const [targets, callers, steps] = [new Uint16Array(n * n), new Uint16Array(n * n), new Uint16Array(n * n)];
  const adamicAdar = new Float32Array(n * n);
  for (let via = 0; via < n; via++) {
    const [to, from, beside] = [out[via], into[via], around[via]] as [Uint32Array, Uint32Array, Uint32Array];
    addPairs(targets, n, from, from, 1);
    addPairs(callers, n, to, to, 1);
    addPairs(steps, n, from, to, 1);
    addPairs(adamicAdar, n, beside, beside, 1 / Math.log(beside.length + 1));
  }
  return { targets, callers, steps, adamicAdar };
}

function addPairs(
  table: Uint16Array | Float32Array,
  n: number,
  rows: Uint32Array,
  columns: Uint32Array,
  by: number,
): void {
  for (let i = 0; i < rows.length; i++) {
    const row = (rows[i] as number) * n;
    for (let j = 0; j < columns.length; j++) {
      const at = row + (columns[j] as number);
      table[at] = (table[at] as number) + by;
    }
  }
}
