/**
 * A whole LSTM sequence in one native operation: TensorFlow's BlockLSTMV2 and its gradient, which tfjs-node can run but
 * does not name. tf.layers builds a graph of small operations per time step instead and is several times slower.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { tensorflowBackend, tf } from '#tensorflow';

/** Gate order along the 4H axis, as in the kernel: input, forget, candidate, output. */
export const gatesPerCell = 4;

/** The part of the tfjs-node backend that runs an operation by name. */
type NodeBackend = {
  readonly binding: Readonly<
    Record<'TF_ATTR_FLOAT' | 'TF_ATTR_BOOL' | 'TF_ATTR_TYPE' | 'TF_FLOAT' | 'TF_INT64', number>
  > & {
    createTensor(shape: readonly number[], dtype: number, values: Int32Array): number;
  };
  readonly tensorMap: { set(dataId: object, info: object): void };
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[];
};

/**
 * LSTM over a time-major batch, from a zero state. x: [T, B, I]; weights: [I + H, 4H], input rows first; bias: [4H].
 * Returns the hidden state at every step, [T, B, H]. Differentiable in all three.
 * Gates as in Gers, Schmidhuber and Cummins 2000, without peepholes; the forget gate's bias is as given (nothing added).
 */
export function blockLstm(x: Tensor3D, weights: Tensor2D, bias: Tensor1D): Tensor3D {
  return tensorflowBackend === 'native' ? nativeLstm(x, weights, bias) : unrolledLstm(x, weights, bias);
}

function nativeLstm(x: Tensor3D, weights: Tensor2D, bias: Tensor1D): Tensor3D {
  const run = tf.customGrad((x, weights, bias, save) => {
    const [steps, batch] = (x as Tensor).shape as [number, number, number];
    const hidden = (bias as Tensor).size / gatesPerCell;
    const length = sequenceLength(steps);
    const state = tf.zeros([batch, hidden]);
    const peephole = tf.zeros([hidden]); // Read only when use_peephole is set, but the operation has no optional inputs.
    const inputs = [length, x, state, state, weights, peephole, peephole, peephole, bias] as Tensor[];
    const outputs = backend().executeMultipleOutputs('BlockLSTMV2', forwardAttributes(), inputs, 7);
    const h = outputs[6] as Tensor;
    (save as (tensors: Tensor[]) => void)([x as Tensor, weights as Tensor, bias as Tensor, ...outputs]);
    const gradFunc = (hGrad: Tensor, saved: Tensor[]) => {
      const [x, weights, bias, ...kept] = saved as [Tensor, Tensor, Tensor, ...Tensor[]];
      const state = tf.zeros([batch, hidden]);
      const peephole = tf.zeros([hidden]);
      const cellGrad = tf.zerosLike(hGrad);
      const [xGrad, , , weightsGrad, , , , biasGrad] = backend().executeMultipleOutputs(
        'BlockLSTMGradV2',
        gradientAttributes(),
        [length, x, state, state, weights, peephole, peephole, peephole, bias, ...kept, cellGrad, hGrad],
        8,
      );
      return [xGrad, weightsGrad, biasGrad] as Tensor[];
    };
    return { value: h, gradFunc: gradFunc as (dy: Tensor, saved: Tensor[]) => Tensor[] };
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

const sequenceLengths = new Map<number, Tensor>();

/**
 * The int64 scalar that the kernel wants. tfjs knows no int64, and its own Int64Scalar allocates a native tensor at
 * every use that nothing frees; so one per length is made by hand and kept for the life of the process.
 */
function sequenceLength(steps: number): Tensor {
  const known = sequenceLengths.get(steps);
  if (known !== undefined) return known;
  const { binding, tensorMap } = backend();
  const dataId = {};
  const id = binding.createTensor([], binding.TF_INT64, Int32Array.of(steps, 0)); // Little-endian low word first.
  tensorMap.set(dataId, { shape: [], dtype: binding.TF_INT64, id, values: null, refCount: 1 });
  const scalar = tf.keep(tf.engine().makeTensorFromTensorInfo({ dataId, shape: [], dtype: 'int32' }));
  sequenceLengths.set(steps, scalar);
  return scalar;
}

function backend(): NodeBackend {
  return tf.backend() as unknown as NodeBackend;
}

function forwardAttributes() {
  const { binding } = backend();
  return [{ name: 'cell_clip', type: binding.TF_ATTR_FLOAT, value: 0 }, ...gradientAttributes()];
}

function gradientAttributes() {
  const { binding } = backend();
  return [
    { name: 'use_peephole', type: binding.TF_ATTR_BOOL, value: false },
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  ];
}
