import { describe, expect, it } from 'vitest';
import { attackOf, forgedDelta } from './schedule.ts';

const delta = Float32Array.from({ length: 100 }, (_, index) => Math.sin(index + 1));
const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe('the hostile clusters', () => {
  it('begin as told: one flips and scales, one sends NaN', () => {
    expect(forgedDelta(delta, 0, 1, 7)).toEqual(delta.map((value) => -5 * value));
    expect(forgedDelta(delta, 1, 1, 7).some(Number.isNaN)).toBe(true);
  });

  it('change their attack from round to round', () => {
    for (const index of [0, 1, 2, 3]) {
      const names = [1, 2, 3, 4].map((round) => attackOf(index, round).name);
      expect(new Set(names).size).toBe(4);
    }
  });

  it('send noise of the size that they say', () => {
    const forged = forgedDelta(delta, 0, 2, 7);
    expect(norm(forged) / norm(delta)).toBeGreaterThan(7);
    expect(norm(forged) / norm(delta)).toBeLessThan(13);
  });

  it('repeat themselves to the bit under a seed and leave the honest delta alone', () => {
    const before = Float32Array.from(delta);
    for (const index of [0, 1, 5]) {
      for (const round of [1, 2, 3, 4, 9]) {
        expect(forgedDelta(delta, index, round, 3)).toEqual(forgedDelta(delta, index, round, 3));
      }
    }
    expect(delta).toEqual(before);
    expect(forgedDelta(delta, 0, 2, 3)).not.toEqual(forgedDelta(delta, 0, 2, 4));
  });
});
