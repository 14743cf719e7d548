/**
 * A whole LSTM sequence in one native operation, TensorFlow's BlockLSTMV2; its gradient is block-lstm-gradient.ts.
 * tf.layers builds a graph of small operations per time step instead and is several times slower.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tensorflowBackend, tf } from '#tensorflow';
import { type LstmStates, sequenceGradient } from './block-lstm-gradient.ts';
import { gatesPerCell } from './gates-per-cell.ts';
import { int64Scalar, runOperation } from './native-operations.ts';

/**
 * LSTM over a time-major batch, from a zero state. x: [T, B, I]; weights: [I + H, 4H], input rows first; bias: [4H].
 * Returns the hidden state at every step, [T, B, H]. Differentiable in all three.
 * Gates as in Gers, Schmidhuber and Cummins 2000, without peepholes; the forget gate's bias is as given (nothing added).
 */
export function blockLstm(x: Tensor3D, weights: Tensor2D, bias: Tensor1D): Tensor3D {
  return tensorflowBackend === 'native' ? nativeLstm(x, weights, bias, (x) => x) : unrolledLstm(x, weights, bias);
}

/**
 * The same where every step reads the same input, as a decoder does. x: [B, I]; returns [steps, B, H]. Its gradient in x
 * and in x's weights needs the gates' slopes only summed over time, which saves most of that work.
 */
export function repeatedInputLstm(x: Tensor2D, steps: number, weights: Tensor2D, bias: Tensor1D): Tensor3D {
  const repeated = (x: Tensor) => tf.tile(tf.expandDims(x, 0), [steps, 1, 1]) as Tensor3D;
  return tensorflowBackend === 'native'
    ? nativeLstm(x, weights, bias, repeated)
    : unrolledLstm(repeated(x), weights, bias);
}

/** `sequenceOf` makes [T, B, I] of x, which the gradient then gets as it was given: [T, B, I], or [B, I] when repeated. */
function nativeLstm(
  x: Tensor2D | Tensor3D,
  weights: Tensor2D,
  bias: Tensor1D,
  sequenceOf: (x: Tensor3D) => Tensor3D,
): Tensor3D {
  const run = tf.customGrad((x, weights, bias, save) => {
    const sequence = sequenceOf(x as Tensor3D);
    const [steps, batch] = sequence.shape;
    const hidden = (bias as Tensor).size / gatesPerCell;
    const state = tf.zeros([batch, hidden]);
    const peephole = tf.zeros([hidden]); // Read only when use_peephole is set, but the operation has no optional inputs.
    const states = runOperation(
      'BlockLSTMV2',
      { cell_clip: 0, use_peephole: false, T: { type: 'float' } },
      [int64Scalar(steps), sequence, state, state, weights as Tensor, peephole, peephole, peephole, bias as Tensor],
      7,
    ) as unknown as LstmStates;
    (save as (tensors: Tensor[]) => void)([x as Tensor, weights as Tensor, bias as Tensor, ...states]);
    const gradFunc = (slope: Tensor, [x, weights, bias, ...states]: Tensor[]) =>
      sequenceGradient(
        slope as Tensor3D,
        x as Tensor3D,
        weights as Tensor2D,
        bias as Tensor1D,
        states as unknown as LstmStates,
      );
    return { value: states[6], gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor[] };
  });
  return run(x, weights, bias) as Tensor3D;
}

/** The same in plain operations: the slow, obvious twin of the tests, and what TESTUDO_TF=js runs. */
export function unrolledLstm(x: Tensor3D, weights: Tensor2D, bias: Tensor1D): Tensor3D {
  const hidden = bias.size / gatesPerCell;
  let h: Tensor2D = tf.zeros([x.shape[1], hidden]);
  let cell: Tensor2D = h;
  const states: Tensor2D[] = [];
  for (const input of tf.unstack(x) as Tensor2D[]) {
    const gates = tf.add(tf.matMul(tf.concat([input, h], 1), weights), bias) as Tensor2D;
    const [i, f, candidate, o] = tf.split(gates, gatesPerCell, 1) as [Tensor2D, Tensor2D, Tensor2D, Tensor2D];
    cell = tf.add(tf.mul(cell, tf.sigmoid(f)), tf.mul(tf.sigmoid(i), tf.tanh(candidate)));
    h = tf.mul(tf.sigmoid(o), tf.tanh(cell));
    states.push(h);
  }
  return tf.stack(states) as Tensor3D;
}
