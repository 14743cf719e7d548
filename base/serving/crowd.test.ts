import { expect, it } from 'vitest';
import { Crowd } from './crowd.ts';

it('names the oldest of the network that has most, and forgets who is gone', () => {
  const crowd = new Crowd<string>();
  expect(crowd.oldestOfMost()).toBeUndefined();
  for (const [network, connection] of [
    ['one', 'a'],
    ['two', 'b'],
    ['two', 'c'],
    ['one', 'd'],
    ['two', 'e'],
  ] as const) {
    crowd.add(network, connection);
  }
  expect([crowd.size, crowd.sizeOf('two'), [...crowd]]).toEqual([5, 3, ['a', 'd', 'b', 'c', 'e']]);
  expect(crowd.oldestOfMost()).toEqual({ network: 'two', connection: 'b' });
  for (let again = 0; again < 2; again++) crowd.delete('two', 'b');
  crowd.delete('two', 'c');
  expect([crowd.size, crowd.sizeOf('two')]).toEqual([3, 1]);
  expect(crowd.oldestOfMost()).toEqual({ network: 'one', connection: 'a' });
});

it('takes out the newest of each network in turn, whatever each has', () => {
  const crowd = new Crowd<string>();
  for (const connection of ['a1', 'a2', 'a3']) crowd.add('a', connection);
  crowd.add('b', 'b1');
  crowd.add('c', 'c1');
  expect([1, 2].map(() => crowd.takeNewestInTurn())).toEqual(['a3', 'b1']);
  crowd.add('b', 'b2');
  expect(Array.from({ length: 5 }, () => crowd.takeNewestInTurn())).toEqual(['c1', 'a2', 'b2', 'a1', undefined]);
  expect(crowd.size).toBe(0);
});
