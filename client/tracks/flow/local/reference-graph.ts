/**
 * The graph of all that a cluster saw in its normal windows, under local names: what the shared model reads when it judges
 * a new edge. It stays in the cluster.
 */
import { endKey } from '../../../events/flow-record.ts';
import type { NamedSlice } from '../graph/slice.ts';
import type { LinkGraph } from '../link/link-graph.ts';
import { type LinkColumns, linkColumns, linkGraphOf } from '../link/slice-graph.ts';

/** A window's pairs under their local names. */
export type NamedPairs = Readonly<{
  /** Key of each node, [n]. */
  keys: readonly string[];
  graph: LinkGraph;
  /** The pair of each edge of the slice; −1 for a loop. */
  pairOfEdge: Int32Array;
}>;

export type ReferenceRecord = Readonly<{
  nodes: readonly Readonly<{ key: string; traits: readonly number[] }>[];
  pairs: readonly (readonly [source: number, target: number, ...features: number[]])[];
}>;

/** columns: what the model reads that is to judge them. */
export function namedPairs({ slice, names }: NamedSlice, columns: LinkColumns = linkColumns[1]): NamedPairs {
  return { keys: names.nodes.map(endKey), ...linkGraphOf(slice, columns) };
}

export class ReferenceGraph {
  readonly #columns: LinkColumns;
  /** Node keys in the order of their numbers, with their traits. */
  readonly #traits = new Map<string, Float32Array>();
  /** Source key to target key to the pair's features. */
  readonly #pairs = new Map<string, Map<string, Float32Array>>();

  /** columns: those of the pairs that it is to learn. */
  constructor(columns: LinkColumns = linkColumns[1]) {
    this.#columns = columns;
  }

  learn({ keys, graph }: NamedPairs): void {
    const { edgeWidth, traitWidth } = this.#columns;
    for (const [node, key] of keys.entries()) {
      this.#traits.set(key, graph.traits.slice(node * traitWidth, (node + 1) * traitWidth));
    }
    for (let pair = 0; pair < graph.sources.length; pair++) {
      const features = graph.edgeFeatures.subarray(pair * edgeWidth, (pair + 1) * edgeWidth);
      this.#learnPair(
        keys[graph.sources[pair] as number] as string,
        keys[graph.targets[pair] as number] as string,
        features,
      );
    }
  }

  /** Keys of its nodes, by number. */
  keys(): string[] {
    return [...this.#traits.keys()];
  }

  /** Forgets nodes and pairs that `keeps` does not want: bounded memory. */
  keepOnly(keeps: Readonly<{ node(key: string): boolean; pair(source: string, target: string): boolean }>): void {
    for (const key of this.#traits.keys()) if (!keeps.node(key)) this.#traits.delete(key);
    for (const [source, targets] of this.#pairs) {
      for (const target of targets.keys()) {
        const kept = keeps.node(source) && keeps.node(target) && keeps.pair(source, target);
        if (!kept) targets.delete(target);
      }
      if (targets.size === 0) this.#pairs.delete(source);
    }
  }

  /** The graph with the window's unknown nodes beside its own, and their numbers by key. `without`: pairs to leave out. */
  graph(
    extra?: NamedPairs,
    without: (source: string, target: string) => boolean = () => false,
  ): Readonly<{ graph: LinkGraph; indexOf: ReadonlyMap<string, number> }> {
    const { edgeWidth, traitWidth, refusedAt } = this.#columns;
    const indexOf = new Map([...this.#traits.keys()].map((key, index) => [key, index]));
    const traits: Float32Array[] = [...this.#traits.values()];
    for (const [node, key] of extra?.keys.entries() ?? []) {
      if (indexOf.has(key)) continue;
      indexOf.set(key, traits.length);
      traits.push((extra as NamedPairs).graph.traits.slice(node * traitWidth, (node + 1) * traitWidth));
    }
    const [sources, targets, features] = [[] as number[], [] as number[], [] as Float32Array[]];
    for (const [source, own] of this.#pairs) {
      for (const [target, values] of own) {
        if (without(source, target)) continue;
        sources.push(indexOf.get(source) as number);
        targets.push(indexOf.get(target) as number);
        features.push(values);
      }
    }
    const graph: LinkGraph = {
      nodeCount: traits.length,
      traits: rows(traits, traitWidth),
      traitWidth,
      sources: Uint32Array.from(sources),
      targets: Uint32Array.from(targets),
      edgeFeatures: rows(features, edgeWidth),
      edgeWidth,
      ...(refusedAt !== undefined && { refusedAt }),
    };
    return { graph, indexOf };
  }

  record(): ReferenceRecord {
    const { graph } = this.graph();
    const { edgeWidth, traitWidth } = this.#columns;
    const plain = (values: Float32Array, row: number, width: number) => [
      ...values.subarray(row * width, (row + 1) * width),
    ];
    return {
      nodes: [...this.#traits.keys()].map((key, node) => ({ key, traits: plain(graph.traits, node, traitWidth) })),
      pairs: [...graph.sources].map(
        (source, pair) =>
          [source, graph.targets[pair] as number, ...plain(graph.edgeFeatures, pair, edgeWidth)] as [number, number],
      ),
    };
  }

  /** Throws a RangeError on a record of other widths, or one that names a node it does not hold. */
  static fromRecord({ nodes, pairs }: ReferenceRecord, columns: LinkColumns = linkColumns[1]): ReferenceGraph {
    const reference = new ReferenceGraph(columns);
    const { edgeWidth, traitWidth } = columns;
    for (const { key, traits } of nodes) {
      if (traits.length !== traitWidth) throw new RangeError(`reference graph: expected ${traitWidth} traits`);
      reference.#traits.set(key, Float32Array.from(traits));
    }
    for (const [source, target, ...features] of pairs) {
      const [from, to] = [nodes[source]?.key, nodes[target]?.key];
      if (from === undefined || to === undefined || features.length !== edgeWidth) {
        throw new RangeError(`reference graph: a pair of ${source} and ${target} with ${features.length} features`);
      }
      reference.#learnPair(from, to, Float32Array.from(features));
    }
    return reference;
  }

  #learnPair(source: string, target: string, features: Float32Array): void {
    const own = this.#pairs.get(source) ?? new Map<string, Float32Array>();
    this.#pairs.set(source, own);
    const known = own.get(target);
    own.set(
      target,
      known === undefined ? features.slice() : known.map((value, at) => Math.max(value, features[at] as number)),
    );
  }
}

function rows(parts: readonly Float32Array[], width: number): Float32Array {
  const values = new Float32Array(parts.length * width);
  for (const [row, part] of parts.entries()) values.set(part, row * width);
  return values;
}
