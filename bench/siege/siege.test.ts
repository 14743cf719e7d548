import { expect, it } from 'vitest';
import { siege } from './siege.ts';

it('rounds count every cluster while others hold the ports, and who comes anew is let in', async () => {
  const tally = await siege({ clients: 2, rounds: 2, slow: 100, resetsPerMinute: 6_000, addresses: 5 });
  expect(tally.broken).toEqual([]);
  expect([tally.before, tally.during, tally.after].map(({ comingAnew }) => comingAnew.length)).toEqual([2, 2, 2]);
  expect(tally.besieged.open).toBeGreaterThan(0);
});
