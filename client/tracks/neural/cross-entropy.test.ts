import type { Tensor2D } from '@tensorflow/tfjs-node';
import { describe, expect, it } from 'vitest';
import { tf } from '#tensorflow';
import { plainSurprisal, surprisal } from './cross-entropy.ts';

describe('surprisal', () => {
  it('agrees with the plain operations, in value and in gradient', () => {
    const logits = tf.randomNormal([7, 11], 0, 3, 'float32', 5) as Tensor2D;
    const targets = tf.tensor1d([0, 10, 3, 3, 7, 1, 9], 'int32');
    const direction = tf.randomNormal([7], 0, 1, 'float32', 6);
    const both = [surprisal, plainSurprisal].map((of) => {
      const value = of(logits, targets).dataSync();
      const gradient = tf.grad((logits) => tf.sum(tf.mul(of(logits as Tensor2D, targets), direction)))(logits);
      return [...value, ...gradient.dataSync()];
    });
    expect(both[0]).toEqual(both[1]?.map((value) => expect.closeTo(value, 4)));
  });
});
