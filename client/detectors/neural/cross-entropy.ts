import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import { tensorflowBackend, tf } from '#tensorflow';

type NodeBackend = {
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_FLOAT' | 'TF_INT32', number>>;
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[];
};

/**
 * −ln of the probability that softmax(logits) gives each target. logits: [N, V]; targets: [N] of int32 below V. Returns
 * [N], in nats; differentiable in the logits. The native operation yields the loss and its gradient in one pass over
 * logits, where separate operations would walk them six times.
 */
export function surprisal(logits: Tensor2D, targets: Tensor1D): Tensor1D {
  if (tensorflowBackend !== 'native') return plainSurprisal(logits, targets);
  const run = tf.customGrad((logits, save) => {
    const backend = tf.backend() as unknown as NodeBackend;
    const { binding } = backend;
    const attributes = [
      { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
      { name: 'Tlabels', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
    ];
    const inputs = [logits as Tensor, targets];
    const [loss, slope] = backend.executeMultipleOutputs('SparseSoftmaxCrossEntropyWithLogits', attributes, inputs, 2);
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
