import type { Scalar } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { type Random, randomOrder, seededRandom } from '../../../../base/random.ts';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Trained, TrainingOptions } from '../../detector.ts';
import { FlatTrainer } from '../../neural/flat-trainer.ts';
import type { Parameters } from '../../neural/parameters.ts';
import type { EncoderName } from './encoders.ts';
import { Adjacency, type LinkGraph, subgraph } from './link-graph.ts';
import { encoderOf, type LinkSizes, linkLoss, linkSizes } from './link-model.ts';
import { type Listed, messageGraph, type PairList, pairTensors } from './message-graph.ts';
import { negativeOf } from './negative-sampling.ts';

const linkTrainingDefaults = { graphsPerStep: 4, learningRate: 5e-3, clipNorm: 1 } as const;

/** Edges of a step whose message graph hides them; the rest carry messages. */
const hiddenShare = 0.3;
/** Edges to learn in a step: a large graph does not make steps slow. */
const positivesMax = 256;
const negativesEach = 2;

/** What one step learns: pairs, their labels (1: an edge, 0: none), and the graph that the edges are hidden from. */
export type LinkExample = Listed &
  PairList &
  Readonly<{
    labels: readonly number[];
    /** What share of each pair was refused, where the graph says so; 0 for non-edges. */
    refused?: readonly number[];
  }>;

/** Hides some edges of a graph and sets non-edges beside them. Needs at least one edge. */
export function linkExample(graph: LinkGraph, known: Adjacency, random: Random): LinkExample {
  const order = randomOrder(graph.sources.length, random);
  const hiddenCount = Math.min(positivesMax, Math.max(1, Math.round(order.length * hiddenShare)));
  const [sources, targets, labels, refused] = [[] as number[], [] as number[], [] as number[], [] as number[]];
  const { edgeFeatures, edgeWidth, refusedAt } = graph;
  const add = (source: number, target: number, label: number, share = 0) => {
    refused.push(share);
    sources.push(source);
    targets.push(target);
    labels.push(label);
  };
  for (const edge of order.subarray(0, hiddenCount)) {
    const [source, target] = [graph.sources[edge] as number, graph.targets[edge] as number];
    add(source, target, 1, refusedAt === undefined ? 0 : edgeFeatures[edge * edgeWidth + refusedAt]);
    for (let count = 0; count < negativesEach; count++) {
      const negative = negativeOf(known, source, target, random);
      if (negative !== undefined) add(...negative, 0);
    }
  }
  const message = subgraph(graph, order.slice(hiddenCount).sort());
  const example = { graph: message, adjacency: new Adjacency(message), sources, targets, labels };
  return refusedAt === undefined ? example : { ...example, refused };
}

/** Mean loss of a batch of examples, their graphs side by side. Runs inside a tidy. */
export function batchLoss(
  encoder: EncoderName,
  parameters: Parameters,
  sizes: LinkSizes,
  batch: readonly LinkExample[],
): Scalar {
  const labels = tf.tensor1d(batch.flatMap(({ labels }) => labels));
  const refused =
    batch[0]?.refused === undefined ? undefined : tf.tensor1d(batch.flatMap((each) => each.refused ?? []));
  return linkLoss(encoder, parameters, sizes, messageGraph(batch), pairTensors(batch, batch), labels, refused);
}

/**
 * One client's work in one round on the graphs it saw (one per window, or one in all): every step hides some edges of a few
 * graphs and learns to tell them from non-edges. Graphs without an edge are passed over.
 */
export function trainLinkModel(
  spec: ModelSpec,
  base: Float32Array,
  graphs: readonly LinkGraph[],
  options: TrainingOptions,
): Trained {
  const encoder = encoderOf(spec);
  if (encoder === undefined) throw new RangeError(`model spec: ${spec.architecture} is no link model`);
  const sizes = linkSizes(spec);
  const usable = graphs.filter(({ sources, nodeCount }) => sources.length > 0 && nodeCount > 2);
  const examples = usable.reduce((sum, { sources }) => sum + sources.length, 0);
  if (usable.length === 0) return { weights: base.slice(), steps: 0, examples, loss: Number.NaN };
  const known = usable.map((graph) => new Adjacency(graph));
  const random = seededRandom(options.seed);
  const perStep = options.batchSize ?? linkTrainingDefaults.graphsPerStep;
  const { learningRate = linkTrainingDefaults.learningRate, clipNorm = linkTrainingDefaults.clipNorm } = options;
  const trainer = new FlatTrainer(spec, base);
  const endsAt =
    options.secondsMax === undefined ? Number.POSITIVE_INFINITY : performance.now() + options.secondsMax * 1e3;
  const losses: number[] = [];
  try {
    while (losses.length < options.steps && performance.now() < endsAt && options.signal?.aborted !== true) {
      const batch = Array.from({ length: perStep }, () => {
        const at = Math.floor(random() * usable.length);
        return linkExample(usable[at] as LinkGraph, known[at] as Adjacency, random);
      });
      const loss = trainer.step((parameters) => batchLoss(encoder, parameters, sizes, batch), {
        ...options,
        learningRate,
        clipNorm,
      });
      losses.push(loss);
    }
    const last = losses.slice(-Math.ceil(losses.length / 10));
    const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
    return { weights: trainer.weights(), steps: losses.length, examples, loss };
  } finally {
    trainer.close();
  }
}
