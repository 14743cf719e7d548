import { describe, expect, it } from 'vitest';
import type { Timers } from './time.ts';

/** Timers under test, and how time is made to pass until a promise of theirs has resolved. */
export type TimersUnderTest = Readonly<{ timers: Timers; until: (promise: Promise<unknown>) => Promise<void> }>;

/** What all timers promise, whether their time is the machine's or a test's. */
export function timersContract(name: string, make: () => TimersUnderTest): void {
  describe(name, () => {
    const fired = (timers: Timers, delayMs: number, act: () => void = () => {}) =>
      new Promise<void>((resolve) => {
        timers.after(delayMs, () => {
          act();
          resolve();
        });
      });

    it('call once, after their delay, by both clocks', async () => {
      const { timers, until } = make();
      const wallMs = timers.now();
      const startedMs = timers.monotonicMs();
      let calls = 0;
      await until(fired(timers, 20, () => calls++));
      // Node counts timers in whole milliseconds of a clock of its own, and so may be early by less than one.
      expect(timers.monotonicMs() - startedMs).toBeGreaterThanOrEqual(19);
      expect(timers.now() - wallMs).toBeGreaterThanOrEqual(19);
      await until(fired(timers, 30));
      expect(calls).toBe(1);
    });

    it('run in the order of their due times, and those of one time in the order of their calls', async () => {
      const { timers, until } = make();
      const order: string[] = [];
      const last = fired(timers, 40, () => order.push('last'));
      timers.after(5, () => order.push('first'));
      timers.after(20, () => order.push('second'));
      timers.after(20, () => order.push('third'));
      await until(last);
      expect(order).toEqual(['first', 'second', 'third', 'last']);
    });

    it.each([0, -1_000])('call what is due in %i ms soon, and not before `after` has returned', async (delayMs) => {
      const { timers, until } = make();
      let called = false;
      const due = fired(timers, delayMs, () => {
        called = true;
      });
      expect(called).toBe(false);
      await until(due);
      expect(called).toBe(true);
    });

    it('do not call what was cancelled, twice or too late', async () => {
      const { timers, until } = make();
      const calls: string[] = [];
      const early = timers.after(1, () => calls.push('early'));
      const never = timers.after(10, () => calls.push('never'));
      timers.after(5, () => timers.cancel(never));
      await until(fired(timers, 30));
      timers.cancel(early);
      timers.cancel(never);
      timers.cancel(undefined);
      expect(calls).toEqual(['early']);
    });

    it('repeat until they are cancelled, which may happen in the call', async () => {
      const { timers, until } = make();
      let calls = 0;
      const thrice = new Promise<void>((resolve) => {
        const timer = timers.every(2, () => {
          calls++;
          if (calls < 3) return;
          timers.cancel(timer);
          resolve();
        });
      });
      await until(thrice);
      await until(fired(timers, 20));
      expect(calls).toBe(3);
    });

    it('take delays that no timer of the machine reaches', async () => {
      const { timers, until } = make();
      let calls = 0;
      const inFarFuture = timers.after(400 * 86_400_000, () => calls++); // setTimeout would call it at once.
      const everyYear = timers.every(366 * 86_400_000, () => calls++);
      await until(fired(timers, 10));
      timers.cancel(inFarFuture);
      timers.cancel(everyYear);
      expect(calls).toBe(0);
    });

    it('hand their functions on without an owner', async () => {
      const { now, monotonicMs, after, every, cancel } = make().timers;
      expect(now()).toBeGreaterThan(Date.UTC(2026, 0, 1));
      expect(monotonicMs()).toBeGreaterThanOrEqual(0);
      for (const timer of [after(5, () => {}), every(5, () => {}, { background: true })]) cancel(timer);
    });
  });
}
