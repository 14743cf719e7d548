/**
 * Two ways to turn a service graph into one vector per workload, [n, hidden]. Both are inductive: they hold weights for
 * features and directions, none for nodes. Where they depart from their papers: an edge's two directions have weights of
 * their own (who calls and who is called differ; as in Schlichtkrull et al. 2018), layers have residuals, and rows are
 * normalised by themselves (Ba et al. 2016, without gain): batch statistics would have to travel and would mix clusters.
 */
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { TensorSpec } from '../../../../proto/model-spec.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';
import type { MessageGraph } from './message-graph.ts';

export type EncoderName = 'gcn' | 'gat';

export type EncoderSizes = Readonly<{ nodeWidth: number; hidden: number; layers: number; heads: number }>;

/** Attention logits stay within this, so that a softmax over neighbours needs no maximum per node to be finite. */
export const attentionBound = 20;

export function encoderTensors(name: EncoderName, { nodeWidth, hidden, layers, heads }: EncoderSizes): TensorSpec[] {
  const tensors: TensorSpec[] = [
    { name: 'input.weights', shape: [nodeWidth, hidden] },
    { name: 'input.bias', shape: [hidden] },
  ];
  for (let layer = 0; layer < layers; layer++) {
    tensors.push({ name: `layer${layer}.bias`, shape: [hidden] });
    tensors.push({ name: `layer${layer}.self`, shape: [hidden, hidden] });
    for (const way of ['in', 'out']) {
      tensors.push({ name: `layer${layer}.${way}`, shape: [hidden, hidden] });
      if (name === 'gat') tensors.push({ name: `layer${layer}.${way}.attention`, shape: [hidden, 2 * heads] });
    }
  }
  return tensors;
}

/** One vector per node, [n, hidden]; differentiable in the parameters and in graph.features. */
export function encode(name: EncoderName, parameters: Parameters, graph: MessageGraph, sizes: EncoderSizes): Tensor2D {
  const { hidden, layers, heads } = sizes;
  const dense = tf.matMul(graph.features, parameter<Tensor2D>(parameters, 'input.weights'));
  let state = normalizeRows(tf.relu(tf.add(dense, parameter<Tensor1D>(parameters, 'input.bias'))) as Tensor2D);
  for (let layer = 0; layer < layers; layer++) {
    const own = tf.matMul(state, parameter<Tensor2D>(parameters, `layer${layer}.self`));
    const ways = (['in', 'out'] as const).map((way) => {
      const [from, to] = way === 'in' ? [graph.sources, graph.targets] : [graph.targets, graph.sources];
      const sent = tf.matMul(state, parameter<Tensor2D>(parameters, `layer${layer}.${way}`)) as Tensor2D;
      if (name === 'gcn') return convolved(sent, from, to, graph);
      const attention = parameter<Tensor2D>(parameters, `layer${layer}.${way}.attention`);
      return attended(state, sent, attention, from, to, graph.nodeCount, heads, hidden);
    });
    const heard = tf.add(tf.addN([own, ...ways]), parameter<Tensor1D>(parameters, `layer${layer}.bias`));
    state = normalizeRows(tf.add(state, tf.relu(heard)) as Tensor2D);
  }
  return state;
}

/** Kipf and Welling, ICLR 2017: neighbours' vectors, each weighted by the degrees of both ends. */
function convolved(sent: Tensor2D, from: Tensor1D, to: Tensor1D, graph: MessageGraph): Tensor2D {
  const messages = tf.mul(tf.gather(sent, from), graph.coefficients);
  return tf.unsortedSegmentSum(messages, to, graph.nodeCount) as Tensor2D;
}

/**
 * Veličković et al., ICLR 2018: neighbours' vectors, weighted by a softmax over each node's neighbours of
 * LeakyReLU(a·[receiver ‖ sender]), per head. The node itself is heard through `self` instead of a loop. Attention reads
 * the state before it is projected, and its logits are bounded smoothly.
 */
function attended(
  state: Tensor2D,
  sent: Tensor2D,
  attention: Tensor2D,
  from: Tensor1D,
  to: Tensor1D,
  nodeCount: number,
  heads: number,
  hidden: number,
): Tensor2D {
  const edges = from.shape[0];
  const halves = tf.split(tf.matMul(state, attention), 2, 1) as [Tensor2D, Tensor2D];
  const raw = tf.leakyRelu(tf.add(tf.gather(halves[0], to), tf.gather(halves[1], from)), 0.2);
  const weights = tf.exp(tf.mul(tf.tanh(tf.div(raw, attentionBound)), attentionBound));
  const totals = tf.gather(tf.unsortedSegmentSum(weights as Tensor2D, to, nodeCount), to);
  const shares = tf.reshape(tf.div(weights, totals), [edges, heads, 1]);
  const messages = tf.mul(tf.reshape(tf.gather(sent, from), [edges, heads, hidden / heads]), shares);
  return tf.unsortedSegmentSum(tf.reshape(messages, [edges, hidden]), to, nodeCount) as Tensor2D;
}

/** Each row less its mean, over its deviation: layer normalisation without gain, [n, h]. */
function normalizeRows(rows: Tensor2D): Tensor2D {
  const centred = tf.sub(rows, tf.mean(rows, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  return tf.div(centred, tf.sqrt(tf.add(variance, 1e-5))) as Tensor2D;
}
