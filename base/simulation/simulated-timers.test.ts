import { describe, expect, it } from 'vitest';
import { timersContract } from '../timers-contract.ts';
import { SimulatedTimers } from './simulated-timers.ts';

timersContract('SimulatedTimers', () => {
  const timers = new SimulatedTimers();
  const until = async (promise: Promise<unknown>) => {
    let isOver = false;
    void promise.then(() => {
      isOver = true;
    });
    await timers.advanceUntil(() => isOver);
  };
  return { timers, until };
});

describe('SimulatedTimers', () => {
  it('show each timer its own due time, to the millisecond, and end where they were told to', async () => {
    const timers = new SimulatedTimers(1_000);
    const seen: number[] = [];
    timers.after(50, () => seen.push(timers.now()));
    timers.every(20, () => seen.push(timers.now()));
    await timers.advance(65);
    expect(seen).toEqual([1_020, 1_040, 1_050, 1_060]);
    expect(timers.now()).toBe(1_065);
    expect(timers.nextInMs).toBe(15);
  });

  it('run what a timer has set off before the next timer, though it be due at once', async () => {
    const timers = new SimulatedTimers();
    const order: string[] = [];
    timers.after(10, () => {
      order.push('first');
      timers.after(0, () => order.push('set off by the first'));
      void Promise.resolve().then(() => order.push('awaited by the first'));
    });
    timers.after(11, () => order.push('second'));
    await timers.advance(11);
    expect(order).toEqual(['first', 'awaited by the first', 'set off by the first', 'second']);
  });

  it('move no timer when the wall clock is set', async () => {
    const timers = new SimulatedTimers(1_000);
    let calls = 0;
    timers.after(10, () => calls++);
    timers.setWallClock(50);
    expect([timers.now(), timers.monotonicMs()]).toEqual([50, 0]);
    await timers.advance(9);
    expect(calls).toBe(0);
    await timers.advance(1);
    expect(calls).toBe(1);
    expect(timers.now()).toBe(60);
  });

  it('say so when what is waited for cannot come', async () => {
    const timers = new SimulatedTimers();
    await expect(timers.advanceUntil(() => false)).rejects.toThrow('with 0 timers left');
    timers.every(1_000, () => {});
    await expect(timers.advanceUntil(() => false, 5_000)).rejects.toThrow('not so after 5000 ms');
  });
});
