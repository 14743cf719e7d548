import { describe, expect, it } from 'vitest';
import { Beat, type BeatParts } from './beat.ts';
import { SimulatedTimers } from './simulation/simulated-timers.ts';
import { systemTimers } from './system-timers.ts';

const thrown = (error: unknown): never => {
  throw error;
};
const make = (parts: Partial<BeatParts> & Pick<BeatParts, 'work'>) =>
  new Beat({ failed: thrown, timers: systemTimers, ...parts });

async function microtasks(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await undefined;
}

describe('Beat', () => {
  it('looks again after whatever was asked for, however close to the end of its last look', async () => {
    for (let turns = 0; turns < 20; turns++) {
      let asked = 0;
      let done = 0;
      const beat = make({
        work: async () => {
          done = asked;
        },
      });
      beat.wake();
      await microtasks(turns);
      asked = 1;
      beat.wake();
      await beat.settled();
      expect({ turns, done }).toEqual({ turns, done: 1 });
    }
  });

  it('looks once at a time, once for all who asked meanwhile, and never within the call that wakes', async () => {
    const entered: string[] = [];
    const gate = Promise.withResolvers<void>();
    const beat = make({
      work: async () => {
        entered.push('in');
        await gate.promise;
        entered.push('out');
      },
    });
    beat.wake();
    beat.wake();
    expect(entered).toEqual([]);
    await microtasks(3);
    for (let n = 0; n < 5; n++) beat.wake();
    expect(entered).toEqual(['in']);
    gate.resolve();
    await beat.settled();
    expect(entered).toEqual(['in', 'out', 'in', 'out']);
  });

  it('looks later when its last look asked for it, unless it was woken before', async () => {
    const timers = new SimulatedTimers();
    const looks: number[] = [];
    const beat = make({
      timers,
      work: async () => {
        looks.push(timers.now() - startMs);
        if (looks.length < 3) beat.wakeIn(1_000);
      },
    });
    const startMs = timers.now();
    beat.wake();
    await beat.settled();
    await timers.advance(400);
    beat.wake();
    await beat.settled();
    await timers.advance(10_000);
    await beat.settled();
    expect(looks).toEqual([0, 400, 1_400]);
  });

  it('goes on after a look that threw', async () => {
    const timers = new SimulatedTimers();
    const seen: unknown[] = [];
    const beat = make({
      timers,
      work: () => (seen.length === 0 ? Promise.reject(new Error('disk')) : Promise.resolve(void seen.push('well'))),
      failed: (error) => {
        seen.push((error as Error).message);
        beat.wakeIn(500);
      },
    });
    beat.wake();
    await beat.settled();
    await timers.advance(500);
    await beat.settled();
    expect(seen).toEqual(['disk', 'well']);
  });

  it('begins no look once it is stopped, and waits for the last one', async () => {
    const timers = new SimulatedTimers();
    let looks = 0;
    let over = false;
    const gate = Promise.withResolvers<void>();
    const beat = make({
      timers,
      work: async () => {
        looks++;
        await gate.promise;
        over = true;
        beat.wakeIn(10);
      },
    });
    beat.wake();
    await microtasks(3);
    beat.wake();
    const stopped = beat.stop().then(() => expect(over).toBe(true));
    beat.wake();
    gate.resolve();
    await stopped;
    await beat.stop();
    await timers.advance(1_000);
    expect(looks).toBe(1);
  });

  it('ends loudly where no look may throw, and one does', async () => {
    const work = () => Promise.reject(new Error('a broken invariant'));
    const beat = new Beat({ work, timers: new SimulatedTimers() });
    beat.wake();
    await expect(beat.settled()).rejects.toThrow('a broken invariant');
  });
});
