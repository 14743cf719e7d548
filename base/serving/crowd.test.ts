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
