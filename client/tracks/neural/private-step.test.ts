import type { Scalar } from '@tensorflow/tfjs-node';
import { afterAll, describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { seededStream } from '../../../base/random.ts';
import { FlatTrainer, type LossOf } from './flat-trainer.ts';
import { parameter } from './parameters.ts';

const spec = { architecture: 'linear/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [6] }] };
const trainer = new FlatTrainer(spec, new Float32Array(6));
afterAll(() => trainer.close());

/** Loss w · x: its gradient is x, whatever the weights. */
const along =
  (...x: number[]): LossOf =>
  (parameters) =>
    tf.sum(tf.mul(parameter(parameters, 'w'), tf.tensor1d(x))) as Scalar;
const far = [0, 30, 0, 40, 0, 0];
const near = [0.1, 0, 0, 0, 0, 0.2];

describe('FlatTrainer.clippedSum', () => {
  it('clips each example by itself before it sums', () => {
    const { sum } = trainer.clippedSum([along(...far), along(...near)], 2);
    const expected = [0.1, 1.2, 0, 1.6, 0, 0.2].map((value) => expect.closeTo(value, 5));
    expect([...sum]).toEqual(expected);
    expect([...trainer.clippedSum([], 2).sum]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('moves by no more than the clip norm where one example is added, whatever it is', () => {
    const unit = seededStream(1, 'examples');
    const drawn = Array.from({ length: 30 }, () => {
      const scale = 10 ** (6 * unit() - 3);
      return along(...Array.from({ length: 6 }, () => scale * (unit() - 0.5)));
    });
    for (const [index, added] of drawn.entries()) {
      const others = drawn.filter((_, other) => other !== index).slice(0, 4);
      const [without, all] = [trainer.clippedSum(others, 0.7).sum, trainer.clippedSum([...others, added], 0.7).sum];
      expect(Math.hypot(...all.map((value, at) => value - (without[at] as number)))).toBeLessThanOrEqual(0.7 + 1e-5);
    }
  });

  it('leaves no tensors behind, nor does a step', () => {
    const step = () =>
      trainer.privateStep([along(...far), along(...near)], {
        learningRate: 0.1,
        clipNorm: 1,
        addNoise: () => undefined,
        expectedExamples: 2,
        proximal: 0.1,
      });
    step();
    const before = tf.memory().numTensors;
    for (let turn = 0; turn < 5; turn += 1) step();
    expect(tf.memory().numTensors).toBe(before);
  });
});
