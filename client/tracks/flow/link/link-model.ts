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
import { type EndVectors, refusalLogits, refusalLoss, refusalTensors } from './refusal.ts';
import { type LinkColumns, linkColumns } from './slice-graph.ts';

/** The second of each also reads what was refused, and says of a pair what share of it would be; the third reads posture. */
export type LinkVersion = keyof typeof linkColumns;
const architectures: Readonly<Record<LinkVersion, Readonly<Record<EncoderName, string>>>> = {
  1: { gcn: 'flow-gcn/1', gat: 'flow-gat/1' },
  2: { gcn: 'flow-gcn/2', gat: 'flow-gat/2' },
  3: { gcn: 'flow-gcn/3', gat: 'flow-gat/3' },
};
const versions = [1, 2, 3] as const satisfies readonly LinkVersion[];
const encoders = ['gcn', 'gat'] as const satisfies readonly EncoderName[];

export type LinkSizes = EncoderSizes & Readonly<{ pairWidth: number }>;

function defaultSizes(version: LinkVersion): LinkSizes {
  return { nodeWidth: nodeWidth(linkColumns[version]), pairWidth, hidden: 32, layers: 2, heads: 4 };
}

export function linkSpec(
  encoder: EncoderName,
  sizes: LinkSizes | undefined = undefined,
  version: LinkVersion = 1,
): ModelSpec {
  return specOf(encoder, sizes ?? defaultSizes(version), version);
}

function specOf(encoder: EncoderName, sizes: LinkSizes, version: LinkVersion): ModelSpec {
  const { hidden } = sizes;
  return {
    architecture: architectures[version][encoder],
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
      ...(version === 2 ? refusalTensors(sizes) : []),
    ],
  };
}

/** The encoder of a spec; undefined for another architecture. */
export function encoderOf(spec: ModelSpec): EncoderName | undefined {
  return encoders.find((name) => versions.some((version) => architectures[version][name] === spec.architecture));
}

/** What the model of a spec reads of edges and nodes. */
export function columnsOfSpec(spec: ModelSpec): LinkColumns {
  return linkColumns[versionOf(spec)];
}

/** 1 also for what is no link model: `linkSizes` refuses that. */
function versionOf(spec: ModelSpec): LinkVersion {
  return versions.find((version) => Object.values(architectures[version]).includes(spec.architecture)) ?? 1;
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
  const width = nodeWidth(columnsOfSpec(spec));
  if (encoderOf(spec) === undefined || sizes.nodeWidth !== width || sizes.pairWidth !== pairWidth) {
    const known = versions.flatMap((version) => Object.values(architectures[version])).join(' or ');
    throw new RangeError(
      `model spec: expected ${known} over this version's features, got ${spec.architecture}; use a model made by this version`,
    );
  }
  if (sizes.hidden % sizes.heads !== 0) throw new RangeError('model spec: hidden must be a multiple of heads');
  return sizes;
}

/** Weights to begin with, smaller than Glorot's by a factor of √2. The same seed gives the same bits. */
export function initialLinkModel(spec: ModelSpec, seed: number): Float32Array {
  return initialWeights(spec, seed, { deviationOf: (_, rows, columns) => Math.sqrt(1 / (rows + columns)) });
}

/** What the decoder reads of pairs of an encoded graph. */
export function endsOfPairs(states: Tensor2D, pairs: Pairs): EndVectors {
  return {
    source: tf.gather(states, pairs.sources),
    target: tf.gather(states, pairs.targets),
    features: pairs.features,
  };
}

/** Log-odds that each pair is an edge, shape [k], balanced: as if half of all pairs were. */
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

/**
 * Cross-entropy of labels (1: an edge, 0: none), shape [k], in nats: the mean of both classes' means. refused: what share of
 * each pair was refused, shape [k], for a model that says so too; the cross-entropy of the edges' shares is added then.
 */
export function linkLoss(
  encoder: EncoderName,
  parameters: Parameters,
  sizes: EncoderSizes,
  graph: MessageGraph,
  pairs: Pairs,
  labels: Tensor1D,
  refused?: Tensor1D,
): Scalar {
  const ends = endsOfPairs(encode(encoder, parameters, graph, sizes), pairs);
  const logits = decode(parameters, ends);
  const others = tf.sub(1, labels);
  const found = tf.div(tf.sum(tf.mul(tf.softplus(tf.neg(logits)), labels)), tf.maximum(tf.sum(labels), 1));
  const denied = tf.div(tf.sum(tf.mul(tf.softplus(logits), others)), tf.maximum(tf.sum(others), 1));
  const loss = tf.div(tf.add(found, denied), 2) as Scalar;
  return refused === undefined
    ? loss
    : (tf.add(loss, refusalLoss(refusalLogits(parameters, ends), refused, labels)) as Scalar);
}
