import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('does one after another, also after one that failed, and settles with the last', async () => {
  const turns = new Turns();
  const said: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const first = turns.take(async () => {
    said.push('first begins');
    await gate;
    said.push('first ends');
    return 1;
  });
  const second = turns.take(() => {
    said.push('second');
    throw new Error('refused');
  });
  const third = turns.take(() => said.push('third'));
  const settled = turns.settled().then(() => said.push('settled'));
  await new Promise(setImmediate);
  expect(said).toEqual(['first begins']);
  open();
  expect(await first).toBe(1);
  await expect(second).rejects.toThrow('refused');
  expect(await third).toBe(4);
  await settled;
  expect(said).toEqual(['first begins', 'first ends', 'second', 'third', 'settled']);
});
