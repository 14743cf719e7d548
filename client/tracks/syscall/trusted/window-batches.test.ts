import { expect, it } from 'vitest';
import type { LanguageModelSizes, PredictionBatch } from '../language-model/language-model-spec.ts';
import { grouped, joined, placesWithCalls } from './window-batches.ts';

const sizes: LanguageModelSizes = { embedding: 1, classEmbedding: 1, hidden: 1, warmUp: 1, predicted: 2 };
const one: PredictionBatch = { size: 1, calls: Int32Array.of(0, 5, 6, 0), classes: Int32Array.of(2) };
const two: PredictionBatch = {
  size: 2,
  calls: Int32Array.of(1, 2, 3, 4, 0, 0, 7, 8),
  classes: Int32Array.of(1, 3),
};

it('joins batches in their order, and knows which predicted places hold a call', () => {
  const whole = joined([one, two], sizes);
  expect(whole).toMatchObject({ size: 3, classes: Int32Array.of(2, 1, 3) });
  expect([...whole.calls]).toEqual([...one.calls, ...two.calls]);
  // Predicted are the last two calls of each window; one row of places after the other.
  expect([...placesWithCalls(whole, sizes)]).toEqual([1, 1, 1, 0, 1, 1]);
});

it('groups what fits together, in its order, and leaves alone what is too large', () => {
  const weights = (groups: number[][]) => groups.map((group) => group.join(' '));
  expect(weights(grouped([3, 2, 1, 9, 4, 1], (weight) => weight, 5))).toEqual(['3 2', '1', '9', '4 1']);
  expect(grouped([], () => 1, 5)).toEqual([]);
});
