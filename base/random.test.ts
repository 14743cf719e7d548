import { expect, test } from 'vitest';
import { seededPermutation } from '../aggregation/before/bucketing.ts';
import {
  congruentialStates,
  dirichlet,
  normalValues,
  randomOrder,
  seededNumbers,
  seededRandom,
  seededStream,
  seededUnit,
  shuffled,
} from './random.ts';

test('seededNumbers › gives these very numbers: a round that is replayed must draw them again', () => {
  const random = seededNumbers('testudo');
  expect([random.uniform(), random.integer(1000), random.integer(7)]).toMatchInlineSnapshot(`
    [
      0.6283415576589932,
      99,
      6,
    ]
  `);
  expect(seededPermutation(8, 'r-1')).toMatchInlineSnapshot(`
    [
      5,
      7,
      4,
      3,
      6,
      2,
      0,
      1,
    ]
  `);
});

test('seededNumbers › is uniform, and normal where asked', () => {
  const random = seededNumbers('moments');
  const count = 20_000;
  const mean = (draw: () => number) => Array.from({ length: count }, draw).reduce((sum, x) => sum + x, 0) / count;
  expect(mean(() => random.uniform())).toBeCloseTo(0.5, 1.7);
  expect(mean(() => random.normal())).toBeCloseTo(0, 1.5);
  expect(mean(() => random.normal() ** 2)).toBeCloseTo(1, 1.4);
  const counts = new Array<number>(5).fill(0);
  for (let i = 0; i < count; i++) {
    const drawn = random.integer(5);
    counts[drawn] = (counts[drawn] as number) + 1;
  }
  for (const drawn of counts) expect(Math.abs(drawn / count - 0.2)).toBeLessThan(0.015);
});

test('shuffled › reaches every order about equally often, and leaves its input alone', () => {
  const random = seededNumbers('shuffle');
  const items = ['a', 'b', 'c'];
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffled(items, random).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  expect(items).toEqual(['a', 'b', 'c']);
  expect(seen.size).toBe(6);
  for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(150);
});

test('what is drawn › is what every version drew: initial weights, orders and stored decisions are these bits', () => {
  const random = seededRandom(7);
  expect([random(), random(), random()]).toEqual([0.011704753153026104, 0.06195825757458806, 0.97690763277933]);
  expect(seededRandom(-5)()).toBe(0.48384718922898173);
  expect(seededUnit(7, 'example', 3)).toBe(0.546893014931311);
  expect([...normalValues(3, 3, seededRandom(7))]).toEqual([
    0.4259113073348999, -2.592759132385254, -3.019098997116089,
  ]);
  expect([...randomOrder(8, seededRandom(7))]).toEqual([4, 6, 1, 2, 3, 5, 7, 0]);
  expect(shuffled([0, 1, 2, 3, 4, 5, 6, 7], seededRandom(7))).toEqual([4, 6, 1, 2, 3, 5, 7, 0]);
  expect(shuffled([0, 1, 2, 3, 4, 5, 6, 7], seededNumbers('a'))).toEqual([5, 7, 0, 4, 2, 3, 6, 1]);
  expect(seededNumbers('a').normal()).toBe(-2.3221817518662276);
  expect(dirichlet(3, 0.5, seededRandom(7))).toEqual([0.11395516357311107, 0.20940946468305352, 0.6766353717438354]);
  const states = congruentialStates(7);
  expect([states(), states()]).toEqual([1025555898, -371543599]);
});

test('seededStream › is another stream for another purpose, and the same again for the same', () => {
  const first = (purpose: string) => seededStream(3, purpose)();
  expect(first('order')).toBe(first('order'));
  expect(first('order')).not.toBe(first('noise'));
});
