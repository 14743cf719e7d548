import { describe, expect, it } from 'vitest';
import { quarantineHistory } from '../simulation/quarantine-history.ts';

/** The campaign runs ten thousand: `npm run campaign:response`. */
const seeds = 25;

describe('quarantine in simulated histories', () => {
  it('is never by half, never without evidence and budget, and never twice, whatever dies and whoever lies', async () => {
    const total = { marked: 0, spent: 0 };
    for (let seed = 1; seed <= seeds; seed += 1) {
      const { wrong, marked, spent } = await quarantineHistory(seed);
      expect(wrong, `seed ${seed}`).toEqual([]);
      total.marked += marked;
      total.spent += spent;
    }
    // What nobody did shows nothing.
    expect(total.marked).toBeGreaterThan(seeds);
    expect(total.spent).toBeGreaterThan(total.marked);
  });
});
