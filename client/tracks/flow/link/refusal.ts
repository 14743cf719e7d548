/**
 * What share of a pair's flows would be refused, by a policy or otherwise: a second, linear answer of the decoder from the
 * same vectors of both ends. Hidden edges teach it, so an edge's own verdicts never vouch for themselves.
 */
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import type { TensorSpec } from '../../../../proto/model-spec.ts';
import { type Parameters, parameter } from '../../neural/parameters.ts';

/** What an edge's ends are to the decoder, each row by itself: [k, hidden] and [k, pairWidth]. */
export type EndVectors = Readonly<{ source: Tensor2D; target: Tensor2D; features: Tensor2D }>;

export function refusalTensors({ hidden, pairWidth }: Readonly<{ hidden: number; pairWidth: number }>): TensorSpec[] {
  return [
    { name: 'refusal.source', shape: [hidden, 1] },
    { name: 'refusal.target', shape: [hidden, 1] },
    { name: 'refusal.pair', shape: [pairWidth, 1] },
    { name: 'refusal.bias', shape: [1] },
  ];
}

/** Whether these are the weights of a model that says what would be refused. */
export function saysRefusals(parameters: Parameters): boolean {
  return 'refusal.bias' in parameters;
}

/** Log-odds of the share of each pair that would be refused, shape [k]. */
export function refusalLogits(parameters: Parameters, { source, target, features }: EndVectors): Tensor1D {
  const logits = tf.addN([
    tf.matMul(source, parameter<Tensor2D>(parameters, 'refusal.source')),
    tf.matMul(target, parameter<Tensor2D>(parameters, 'refusal.target')),
    tf.matMul(features, parameter<Tensor2D>(parameters, 'refusal.pair')),
  ]);
  return tf.reshape(tf.add(logits, parameter<Tensor1D>(parameters, 'refusal.bias')), [-1]);
}

/** Mean cross-entropy of the refused shares of edges, in nats; pairs that are no edge (label 0) have none and do not count. */
export function refusalLoss(logits: Tensor1D, refused: Tensor1D, labels: Tensor1D): Scalar {
  const missed = tf.sub(tf.softplus(logits), tf.mul(logits, refused));
  return tf.div(tf.sum(tf.mul(missed, labels)), tf.maximum(tf.sum(labels), 1)) as Scalar;
}
