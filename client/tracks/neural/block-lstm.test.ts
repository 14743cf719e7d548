import type { Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-node';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { blockLstm, repeatedInputLstm, unrolledLstm } from './block-lstm.ts';

const steps = 5;
const batch = 3;
const inputs = 4;
const hidden = 6;

function example(seed: number) {
  return {
    x: tf.randomNormal([steps, batch, inputs], 0, 1, 'float32', seed) as Tensor3D,
    weights: tf.randomNormal([inputs + hidden, 4 * hidden], 0, 0.4, 'float32', seed + 1) as Tensor2D,
    bias: tf.randomNormal([4 * hidden], 0, 0.4, 'float32', seed + 2) as Tensor1D,
    // A random direction, so that no gradient entry can hide behind a symmetric loss.
    direction: tf.randomNormal([steps, batch, hidden], 0, 1, 'float32', seed + 3) as Tensor3D,
  };
}

describe('blockLstm', () => {
  it('agrees with the LSTM written out step by step', () => {
    const { x, weights, bias } = example(11);
    expect([...blockLstm(x, weights, bias).dataSync()]).toEqual(
      [...unrolledLstm(x, weights, bias).dataSync()].map((value) => expect.closeTo(value, 5)),
    );
  });

  it('has the gradients of the LSTM written out step by step', () => {
    const { x, weights, bias, direction } = example(23);
    const gradientsOf = (lstm: typeof blockLstm) =>
      tf.grads((x, weights, bias) =>
        tf.sum(tf.mul(lstm(x as Tensor3D, weights as Tensor2D, bias as Tensor1D), direction)),
      )([x, weights, bias]);
    const native = gradientsOf(blockLstm);
    const twin = gradientsOf(unrolledLstm);
    for (const [index, gradient] of native.entries()) {
      expect([...gradient.dataSync()]).toEqual(
        [...(twin[index] as Tensor).dataSync()].map((value) => expect.closeTo(value, 4)),
      );
    }
  });

  it('reads one input at every step as if it were written out, with the same gradients', () => {
    const { x, weights, bias, direction } = example(29);
    const first = tf.reshape(tf.slice3d(x, [0, 0, 0], [1, batch, inputs]), [batch, inputs]);
    type Lstm = (x: Tensor2D, weights: Tensor2D, bias: Tensor1D) => Tensor3D;
    const gradientsOf = (lstm: Lstm) =>
      tf.grads((x, weights, bias) =>
        tf.sum(tf.mul(lstm(x as Tensor2D, weights as Tensor2D, bias as Tensor1D), direction)),
      )([first, weights, bias]);
    const ours = gradientsOf((x, weights, bias) => repeatedInputLstm(x, steps, weights, bias));
    const twin = gradientsOf((x, weights, bias) =>
      unrolledLstm(tf.tile(tf.expandDims(x, 0), [steps, 1, 1]), weights, bias),
    );
    for (const [index, gradient] of ours.entries()) {
      expect(gradient.shape).toEqual((twin[index] as Tensor).shape);
      expect([...gradient.dataSync()]).toEqual(
        [...(twin[index] as Tensor).dataSync()].map((value) => expect.closeTo(value, 4)),
      );
    }
  });

  it('has the gradients of a sequence of one step', () => {
    const { weights, bias } = example(31);
    const x = tf.randomNormal([1, batch, inputs], 0, 1, 'float32', 5) as Tensor3D;
    const gradientOf = (lstm: typeof blockLstm) =>
      tf
        .grad((weights) => tf.sum(lstm(x, weights as Tensor2D, bias)))(weights)
        .dataSync();
    expect([...gradientOf(blockLstm)]).toEqual([...gradientOf(unrolledLstm)].map((value) => expect.closeTo(value, 4)));
  });

  it('has gradients that finite differences confirm', () => {
    const { x, weights, bias, direction } = example(37);
    const loss = (weights: Tensor2D) => tf.sum(tf.mul(blockLstm(x, weights, bias), direction));
    const gradient = tf
      .grad((weights) => loss(weights as Tensor2D))(weights)
      .dataSync();
    const values = weights.dataSync().slice();
    const lossAt = (index: number, shift: number) => {
      const moved = Float32Array.from(values);
      moved[index] = (moved[index] ?? 0) + shift;
      return loss(tf.tensor2d(moved, weights.shape)).dataSync()[0] ?? Number.NaN;
    };
    const shift = 5e-3;
    for (const index of [0, 7, 40, 95, 133, 201, 239]) {
      const slope = (lossAt(index, shift) - lossAt(index, -shift)) / (2 * shift);
      expect(gradient[index]).toBeCloseTo(slope, 2);
    }
  });

  it('leaves no tensor behind after a training step', () => {
    const { x, weights, bias, direction } = example(41);
    const step = () =>
      tf.tidy(() => {
        tf.grad((weights) => tf.sum(tf.mul(blockLstm(x, weights as Tensor2D, bias), direction)))(weights);
      });
    step(); // Makes the one kept sequence length.
    const before = tf.memory().numTensors;
    for (let round = 0; round < 20; round++) step();
    expect(tf.memory().numTensors).toBe(before);
  });
});
