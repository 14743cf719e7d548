import type { Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { randomOrder, seededRandom } from '../../../../base/random.ts';
import { layoutOf } from '../../../../proto/layout.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { type Parameters, parametersOf } from '../../neural/parameters.ts';
import { type EncoderName, encode } from './encoders.ts';
import { Adjacency, type LinkGraph, subgraph } from './link-graph.ts';
import { columnsOfSpec, decode, encoderOf, endsOfPairs, type LinkSizes, linkSizes } from './link-model.ts';
import { messageGraph, type PairList, pairTensors } from './message-graph.ts';
import { refusalLogits, saysRefusals } from './refusal.ts';
import type { LinkColumns } from './slice-graph.ts';

/** Pairs decoded at once: memory stays bounded however many there are. */
const pairsPerCall = 2 ** 15;

/** Weights of a link model opened for scoring. Holds native memory until `close()`, which may be called twice. */
export class LinkReader {
  readonly encoder: EncoderName;
  readonly sizes: LinkSizes;
  /** What it reads of edges and nodes. */
  readonly columns: LinkColumns;
  readonly #parameters: Parameters;

  /** weights: flat, of the spec's layout, copied. Throws on another length or architecture. */
  constructor(spec: ModelSpec, weights: Float32Array) {
    this.sizes = linkSizes(spec);
    this.columns = columnsOfSpec(spec);
    this.encoder = encoderOf(spec) as EncoderName;
    const layout = layoutOf(spec);
    if (weights.length !== layout.length) {
      throw new RangeError(`flat weights: expected ${layout.length} values, got ${weights.length}`);
    }
    this.#parameters = tf.tidy(() => parametersOf(layout, tf.tensor1d(weights.slice())));
  }

  /** A graph encoded once, for any number of pairs. Close it. */
  read(graph: LinkGraph, adjacency = new Adjacency(graph)): EncodedGraph {
    const states = tf.tidy(() =>
      encode(this.encoder, this.#parameters, messageGraph([{ graph, adjacency }]), this.sizes),
    );
    return new EncodedGraph(graph, adjacency, states, this.#parameters);
  }

  /** Log-odds of pairs on a graph, shape [pairs]. Where a pair is an edge of the graph, the answer knows of it. */
  logits(graph: LinkGraph, pairs: PairList): Float32Array {
    const encoded = this.read(graph);
    try {
      return encoded.logits(pairs);
    } finally {
      encoded.close();
    }
  }

  /**
   * Log-odds of each edge of a graph, shape [m], as if it were not there: the edges are dealt into `folds` parts, and each
   * part is judged by the graph without it. The same graph gives the same parts.
   */
  logitsWithout(graph: LinkGraph, folds = 10): Float32Array {
    const order = randomOrder(graph.sources.length, seededRandom(graph.sources.length));
    const logits = new Float32Array(order.length);
    const parts = Math.min(folds, order.length);
    for (let part = 0; part < parts; part++) {
      const held = order.filter((_, place) => place % parts === part);
      const rest = order.filter((_, place) => place % parts !== part).sort();
      const judged = subgraph(graph, held);
      const found = this.logits(subgraph(graph, rest), judged);
      for (const [place, edge] of held.entries()) logits[edge] = found[place] as number;
    }
    return logits;
  }

  close(): void {
    tf.dispose(Object.values(this.#parameters) as Tensor[]);
  }
}

/** What the shared model says of pairs, log-odds, shape [pairs] each. */
export type PairLogits = Readonly<{
  /** That the pair is an edge. */
  link: Float32Array;
  /** Of the share of it that would be refused; undefined from a model that says nothing of it. */
  refusal: Float32Array | undefined;
}>;

/** One graph's workloads as vectors. Holds native memory until `close()`. */
export class EncodedGraph {
  readonly graph: LinkGraph;
  readonly adjacency: Adjacency;
  /** [n, hidden]. */
  readonly states: Tensor2D;
  readonly parameters: Parameters;

  constructor(graph: LinkGraph, adjacency: Adjacency, states: Tensor2D, parameters: Parameters) {
    this.graph = graph;
    this.adjacency = adjacency;
    this.states = states;
    this.parameters = parameters;
  }

  /** Log-odds that pairs of this graph's nodes are edges, shape [pairs]. */
  logits(pairs: PairList): Float32Array {
    return this.judge(pairs).link;
  }

  judge({ sources, targets }: PairList): PairLogits {
    const link = new Float32Array(sources.length);
    const refusal = saysRefusals(this.parameters) ? new Float32Array(sources.length) : undefined;
    const [from, to] = [Uint32Array.from(sources), Uint32Array.from(targets)];
    for (let start = 0; start < link.length; start += pairsPerCall) {
      const end = start + pairsPerCall;
      const list = { sources: from.subarray(start, end), targets: to.subarray(start, end) };
      const answers = tf.tidy(() => {
        const ends = endsOfPairs(this.states, pairTensors([this], [list]));
        const links = decode(this.parameters, ends);
        return refusal === undefined ? [links] : [links, refusalLogits(this.parameters, ends)];
      });
      link.set((answers[0] as Tensor).dataSync<'float32'>(), start);
      refusal?.set((answers[1] as Tensor).dataSync<'float32'>(), start);
      tf.dispose(answers);
    }
    return { link, refusal };
  }

  close(): void {
    this.states.dispose();
  }
}
