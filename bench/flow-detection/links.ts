import { randomOrder, seededRandom } from '../../base/random.ts';
import { averagePrecision } from '../../client/tracks/average-precision.ts';
import { Adjacency, type LinkGraph, subgraph } from '../../client/tracks/flow/link/link-graph.ts';
import { LinkReader } from '../../client/tracks/flow/link/link-reader.ts';
import { type NegativeKind, negativeOf } from '../../client/tracks/flow/link/negative-sampling.ts';
import { adamicAdar } from '../../client/tracks/flow/link/pair-features.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';

type Pair = readonly [source: number, target: number];

/** A graph with a fifth of its edges hidden: those, and two kinds of pairs that are none. */
export type HiddenEdges = Readonly<{
  visible: LinkGraph;
  adjacency: Adjacency;
  hidden: readonly Pair[];
  /** Any two workloads; and pairs that keep an end of a hidden edge, or are two steps apart. */
  any: readonly Pair[];
  hard: readonly Pair[];
}>;

const repeats = 5;
const hiddenShare = 0.2;

/** Several draws of hidden edges of one graph, the same for the same seed. */
export function hideEdges(graph: LinkGraph, seed: number): HiddenEdges[] {
  const random = seededRandom(seed);
  const known = new Adjacency(graph);
  return Array.from({ length: repeats }, () => {
    const order = randomOrder(graph.sources.length, random);
    const count = Math.max(1, Math.round(order.length * hiddenShare));
    const visible = subgraph(graph, order.slice(count).sort());
    const hidden = Array.from(
      order.subarray(0, count),
      (edge): Pair => [graph.sources[edge] as number, graph.targets[edge] as number],
    );
    const drawn = (kinds: readonly NegativeKind[]) =>
      hidden.flatMap(([source, target]) =>
        kinds.flatMap((kind) => {
          const pair = negativeOf(known, source, target, random, kind);
          return pair === undefined ? [] : [pair];
        }),
      );
    return {
      visible,
      adjacency: new Adjacency(visible),
      hidden,
      any: drawn(['any', 'any', 'any', 'any']),
      hard: drawn(['otherTarget', 'otherTarget', 'otherSource', 'twoSteps']),
    };
  });
}

/** Scores of pairs on the visible part of a graph; higher: more likely an edge. */
export type LinkScore = (hidden: HiddenEdges, pairs: readonly Pair[]) => ArrayLike<number>;

export type LinkQuality = Readonly<{ auc: number; precision: number; hardAuc: number; hardPrecision: number }>;

/** Over all hidden edges and non-edges of all graphs at once: one threshold must do for every cluster. */
export function linkQuality(cases: readonly HiddenEdges[], score: LinkScore): LinkQuality {
  const [hidden, any, hard] = [[] as number[], [] as number[], [] as number[]];
  for (const each of cases) {
    const scores = Array.from(score(each, [...each.hidden, ...each.any, ...each.hard]));
    hidden.push(...scores.slice(0, each.hidden.length));
    any.push(...scores.slice(each.hidden.length, each.hidden.length + each.any.length));
    hard.push(...scores.slice(each.hidden.length + each.any.length));
  }
  return {
    auc: areaUnderRoc(any, hidden),
    precision: averagePrecision(any, hidden),
    hardAuc: areaUnderRoc(hard, hidden),
    hardPrecision: averagePrecision(hard, hidden),
  };
}

/** What every link predictor must be printed beside. */
export const linkBaselines: Readonly<Record<string, LinkScore>> = {
  'seen pair': ({ adjacency }, pairs) => pairs.map(([source, target]) => (adjacency.has(source, target) ? 1 : 0)),
  'common neighbours': ({ adjacency }, pairs) =>
    pairs.map(([source, target]) => {
      const around = new Set(adjacency.around[source]);
      return [...(adjacency.around[target] ?? [])].filter((node) => around.has(node)).length;
    }),
  'Adamic-Adar': ({ adjacency }, pairs) => pairs.map(([source, target]) => adamicAdar(adjacency, source, target)),
  'preferential attachment': ({ adjacency }, pairs) =>
    pairs.map(([source, target]) => (adjacency.out[source]?.length ?? 0) * (adjacency.into[target]?.length ?? 0)),
};

/** A link model's log-odds as scores. */
export function modelScore(reader: LinkReader): LinkScore {
  return ({ visible }, pairs) =>
    reader.logits(visible, {
      sources: pairs.map(([source]) => source),
      targets: pairs.map(([, target]) => target),
    });
}

/** Quality of weights over cases; the reader lives only here. */
export function qualityOf(spec: ModelSpec, weights: Float32Array, cases: readonly HiddenEdges[]): LinkQuality {
  const reader = new LinkReader(spec, weights);
  try {
    return linkQuality(cases, modelScore(reader));
  } finally {
    reader.close();
  }
}

/** The mean of several qualities, folds weighing alike. */
export function meanQuality(all: readonly LinkQuality[]): LinkQuality {
  const mean = (pick: (one: LinkQuality) => number) => all.reduce((sum, one) => sum + pick(one), 0) / all.length;
  return {
    auc: mean(({ auc }) => auc),
    precision: mean(({ precision }) => precision),
    hardAuc: mean(({ hardAuc }) => hardAuc),
    hardPrecision: mean(({ hardPrecision }) => hardPrecision),
  };
}
