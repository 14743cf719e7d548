/**
 * Back-propagation through time for block-lstm.ts. TensorFlow's own BlockLSTMGradV2 multiplies matrices of one step's
 * batch, T times, for the weights; here only what must wait for the next step is done step by step, and the weights'
 * gradient is one multiplication over all steps: a third less time at batch 64.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tf } from '#tensorflow';
import { runOperation } from './native-operations.ts';

/** What BlockLSTMV2 yields, each [T, B, H]: input gate, cell, forget and output gate, candidate, tanh of cell, output. */
export type LstmStates = readonly [i: Tensor, cs: Tensor, f: Tensor, o: Tensor, ci: Tensor, co: Tensor, h: Tensor];

/**
 * Gradients in x, weights and bias. slope: of the loss in every output, [T, B, H]. x: [T, B, I], or [B, I] where every
 * step read the same; the gradient has x's shape.
 */
export function sequenceGradient(
  slope: Tensor3D,
  x: Tensor2D | Tensor3D,
  weights: Tensor2D,
  bias: Tensor1D,
  states: LstmStates,
): [x: Tensor, weights: Tensor, bias: Tensor] {
  const [steps, batch, hidden] = slope.shape;
  const inputs = weights.shape[0] - hidden;
  const gates = 4 * hidden;
  const fromInput = otherGateOrder(tf.slice2d(weights, [0, 0], [inputs, gates]));
  const fromState = otherGateOrder(tf.slice2d(weights, [inputs, 0], [hidden, gates]));
  const perStep = gateSlopes(slope, states, fromState, [tf.zeros([batch, inputs]), weights, bias]);
  const all = tf.reshape(tf.stack(perStep), [steps * batch, gates]) as Tensor2D;

  const earlier = tf.reshape(tf.slice3d(states[6] as Tensor3D, [0, 0, 0], [steps - 1, batch, hidden]), [-1, hidden]);
  // The first step's state was zero and teaches nothing.
  const later = tf.slice2d(all, [batch, 0], [(steps - 1) * batch, gates]);
  const stateGradient = tf.matMul(earlier as Tensor2D, later, true);

  const repeated = x.rank === 2;
  const read = repeated ? (x as Tensor2D) : (tf.reshape(x, [steps * batch, inputs]) as Tensor2D);
  const slopes = repeated ? (tf.sum(tf.reshape(all, [steps, batch, gates]), 0) as Tensor2D) : all;
  const inputGradient = tf.matMul(read, slopes, true);
  const xGradient = tf.matMul(slopes, fromInput, false, true);
  return [
    tf.reshape(xGradient, x.shape),
    otherGateOrder(tf.concat([inputGradient, stateGradient], 0)),
    otherGateOrder(tf.sum(all, 0) as Tensor1D),
  ];
}

/** Slopes of the loss in the gates before their activation, one [B, 4H] a step, in LSTMBlockCellGrad's gate order. */
function gateSlopes(
  slope: Tensor3D,
  states: LstmStates,
  fromState: Tensor2D,
  /** Inputs of the operation of which only the shapes matter. */
  [input, weights, bias]: readonly [Tensor, Tensor, Tensor],
): Tensor2D[] {
  const [steps, batch, hidden] = slope.shape;
  const zero = tf.zeros([batch, hidden]);
  const peephole = tf.zeros([hidden]);
  const [i, cs, f, o, ci, co] = states.slice(0, 6).map((all) => tf.unstack(all)) as Tensor[][];
  const slopes = tf.unstack(slope);
  const backwards = tf.transpose(fromState);
  const perStep: Tensor2D[] = new Array(steps);
  let cellSlope: Tensor = zero;
  let fromNext: Tensor | undefined;
  const at = (tensors: Tensor[] | undefined, step: number) => tensors?.[step] as Tensor;
  for (let step = steps - 1; step >= 0; step--) {
    const outputSlope = fromNext === undefined ? at(slopes, step) : tf.add(at(slopes, step), fromNext);
    const before = step > 0 ? at(cs, step - 1) : zero;
    const kept = [i, cs, f, o, ci, co].map((tensors) => at(tensors, step));
    const [earlierCellSlope, gateSlope] = runOperation(
      'LSTMBlockCellGrad',
      { use_peephole: false, T: { type: 'float' } },
      [input, before, zero, weights, peephole, peephole, peephole, bias, ...kept, cellSlope, outputSlope],
      5,
    ) as [Tensor, Tensor2D];
    cellSlope = earlierCellSlope;
    perStep[step] = gateSlope;
    if (step > 0) fromNext = tf.matMul(gateSlope, backwards as Tensor2D);
  }
  return perStep;
}

/** BlockLSTMV2 orders gates input, forget, candidate, output; LSTMBlockCellGrad input, candidate, forget, output. */
function otherGateOrder<Shaped extends Tensor>(tensor: Shaped): Shaped {
  const axis = tensor.rank - 1;
  const [first, second, third, fourth] = tf.split(tensor, 4, axis) as [Tensor, Tensor, Tensor, Tensor];
  return tf.concat([first, third, second, fourth], axis) as Shaped;
}
