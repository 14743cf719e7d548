import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tensorflowBackend, tf } from '#tensorflow';
import { runOperation } from './native-operations.ts';

/**
 * −ln of the probability that softmax(logits) gives each target. logits: [N, V]; targets: [N] of int32 below V. Returns
 * [N], in nats; differentiable in the logits. The native operation yields the loss and its gradient in one pass over
 * logits, where separate operations would walk them six times.
 */
export function surprisal(logits: Tensor2D, targets: Tensor1D): Tensor1D {
  if (tensorflowBackend !== 'native') return plainSurprisal(logits, targets);
  const run = tf.customGrad((logits, save) => {
    const [loss, slope] = runOperation(
      'SparseSoftmaxCrossEntropyWithLogits',
      { T: { type: 'float' }, Tlabels: { type: 'int32' } },
      [logits as Tensor, targets],
      2,
    );
    (save as (tensors: Tensor[]) => void)([slope as Tensor]);
    const gradFunc = (lossGrad: Tensor, [slope]: Tensor[]) => tf.mul(slope as Tensor, tf.expandDims(lossGrad, 1));
    return { value: loss as Tensor, gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor };
  });
  return run(logits) as Tensor1D;
}

/** The same in plain operations: the twin of the tests, and what TESTUDO_TF=js runs. */
export function plainSurprisal(logits: Tensor2D, targets: Tensor1D): Tensor1D {
  const picked = tf.mul(tf.logSoftmax(logits), tf.oneHot(targets, logits.shape[1]));
  return tf.neg(tf.sum(picked, 1)) as Tensor1D;
}
