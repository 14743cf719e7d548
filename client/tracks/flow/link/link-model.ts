/**
 * Inductive link prediction: how likely is it that one workload calls another, in a graph whose workloads the model never
 * saw? An encoder (GCN or GAT) gives each workload a vector; a decoder reads both vectors, how they match, and what their
 * neighbourhoods have in common. Kipf and Welling 2016 (graph autoencoders) with the structural features of Zhang and Chen,
 * "Link Prediction Based on Graph Neural Networks", NeurIPS 2018, in place of subgraph labels.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { ModelSpec } from '../../../../proto/model-spec.ts';
import { initialWeights } from '../../neural/initial-weights.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';
import { type EncoderName, type EncoderSizes, encode, encoderTensors } from './encoders.ts';
import type { MessageGraph, Pairs } from './message-graph.ts';
import { nodeWidth } from './node-features.ts';
import { pairWidth } from './pair-features.ts';
import { linkWidths } from './slice-graph.ts';

const architectures: Readonly<Record<EncoderName, string>> = { gcn: 'flow-gcn/1', gat: 'flow-gat/1' };

export type LinkSizes = EncoderSizes & Readonly<{ pairWidth: number }>;

const defaultSizes: LinkSizes = { nodeWidth: nodeWidth(linkWidths), pairWidth, hidden: 32, layers: 2, heads: 4 };

export function linkSpec(encoder: EncoderName, sizes: LinkSizes = defaultSizes): ModelSpec {
  const { hidden } = sizes;
  return {
    architecture: architectures[encoder],
    hyperparameters: { ...sizes },
    tensors: [
      ...encoderTensors(encoder, sizes),
      { name: 'decoder.source', shape: [hidden, hidden] },
      { name: 'decoder.target', shape: [hidden, hidden] },
      { name: 'decoder.pair', shape: [sizes.pairWidth, hidden] },
      { name: 'decoder.match', shape: [hidden, hidden] },
      { name: 'decoder.bias', shape: [hidden] },
      { name: 'output.hidden', shape: [hidden, 1] },
      { name: 'output.pair', shape: [sizes.pairWidth, 1] },
      { name: 'output.bias', shape: [1] },
    ],
  };
}

/** The encoder of a spec; undefined for another architecture. */
export function encoderOf(spec: ModelSpec): EncoderName | undefined {
  return (Object.keys(architectures) as EncoderName[]).find((name) => architectures[name] === spec.architecture);
}

/** The sizes a spec was made with; throws a RangeError when it is none of this version's. */
export function linkSizes(spec: ModelSpec): LinkSizes {
  const size = (name: keyof LinkSizes) => {
    const value = spec.hyperparameters[name];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1_024) return value;
    throw new RangeError(`model spec: ${name} must be a whole number from 1 to 1,024, got ${value}`);
  };
  const sizes = {
    nodeWidth: size('nodeWidth'),
    pairWidth: size('pairWidth'),
    hidden: size('hidden'),
    layers: size('layers'),
    heads: size('heads'),
  };
  if (encoderOf(spec) === undefined || sizes.nodeWidth !== defaultSizes.nodeWidth || sizes.pairWidth !== pairWidth) {
    throw new RangeError(
      `model spec: expected ${Object.values(architectures).join(' or ')} over this version's features, got ${spec.architecture}; use a model made by this version`,
    );
  }
  if (sizes.hidden % sizes.heads !== 0) throw new RangeError('model spec: hidden must be a multiple of heads');
  return sizes;
}

/** Weights to begin with, smaller than Glorot's by a factor of √2. The same seed gives the same bits. */
export function initialLinkModel(spec: ModelSpec, seed: number): Float32Array {
  return initialWeights(spec, seed, { deviationOf: (_, rows, columns) => Math.sqrt(1 / (rows + columns)) });
}

/** What an edge's ends are to the decoder, each row by itself: [k, hidden] and [k, pairWidth]. */
export type EndVectors = Readonly<{ source: Tensor2D; target: Tensor2D; features: Tensor2D }>;

/** Log-odds that each pair is an edge, shape [k], balanced: as if half of all pairs were. */
export function linkLogits(parameters: Parameters, states: Tensor2D, pairs: Pairs): Tensor1D {
  return decode(parameters, {
    source: tf.gather(states, pairs.sources),
    target: tf.gather(states, pairs.targets),
    features: pairs.features,
  });
}

export function decode(parameters: Parameters, { source, target, features }: EndVectors): Tensor1D {
  const named = (name: string) => parameter<Tensor2D>(parameters, name);
  const hidden = tf.relu(
    tf.addN([
      tf.matMul(source, named('decoder.source')),
      tf.matMul(target, named('decoder.target')),
      tf.matMul(features, named('decoder.pair')),
      tf.tile(tf.expandDims(named('decoder.bias'), 0), [source.shape[0], 1]),
    ]),
  );
  const width = source.shape[1];
  const match = tf.div(tf.sum(tf.mul(tf.matMul(source, named('decoder.match')), target), 1, true), width);
  const logits = tf.addN([
    tf.matMul(hidden, named('output.hidden')),
    tf.matMul(features, named('output.pair')),
    match as Tensor2D,
  ]);
  return tf.reshape(tf.add(logits, parameter<Tensor1D>(parameters, 'output.bias')), [-1]);
}

/** Cross-entropy of labels (1: an edge, 0: none), shape [k], in nats: the mean of both classes' means. */
export function linkLoss(
  encoder: EncoderName,
  parameters: Parameters,
  sizes: EncoderSizes,
  graph: MessageGraph,
  pairs: Pairs,
  labels: Tensor1D,
): Scalar {
  const logits = linkLogits(parameters, encode(encoder, parameters, graph, sizes), pairs);
  const others = tf.sub(1, labels);
  const found = tf.div(tf.sum(tf.mul(tf.softplus(tf.neg(logits)), labels)), tf.maximum(tf.sum(labels), 1));
  const refused = tf.div(tf.sum(tf.mul(tf.softplus(logits), others)), tf.maximum(tf.sum(others), 1));
  return tf.div(tf.add(found, refused), 2) as Scalar;
}
