import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withSample } from './mixed-sample.ts';

it('is the asked-for share of all, of every part of the sample alike', () => {
  const cases = fc.record({
    own: fc.integer({ min: 1, max: 200 }),
    sampled: fc.integer({ min: 1, max: 60 }),
    mix: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ own, sampled, mix, seed }) => {
      const mine = Array.from({ length: own }, (_, at) => -1 - at);
      const mixed = withSample(mine, [...Array(sampled).keys()], { mix, seed });
      expect(mixed.slice(0, own)).toEqual(mine);
      const drawn = mixed.slice(own);
      expect(Math.abs(drawn.length - mix * mixed.length)).toBeLessThanOrEqual(1);
      const counts = [...Array(sampled).keys()].map((each) => drawn.filter((one) => one === each).length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});

it('draws others with another seed, and not the first of the sample', () => {
  const own = Array.from({ length: 10 }, () => 'own');
  const sample = Array.from({ length: 1_000 }, (_, at) => `sampled ${at}`);
  const drawn = (seed: number) => withSample(own, sample, { mix: 0.5, seed }).slice(10);
  expect(drawn(1)).toEqual(drawn(1));
  expect(new Set([1, 2, 3].flatMap(drawn)).size).toBeGreaterThan(25);
  expect(drawn(1)).not.toEqual(sample.slice(0, 10));
});

it('leaves one’s own as they are where nothing is to be mixed in', () => {
  const own = [1, 2, 3];
  expect(withSample(own, [4], { mix: 0, seed: 1 })).toBe(own);
  expect(withSample(own, [], { mix: 0.5, seed: 1 })).toBe(own);
});
