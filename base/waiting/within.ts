import type { Timers } from '../time.ts';

/** What the promise gives, or 'late' after so many milliseconds: what comes then is nobody's. Rejects as it does. */
export function within<Value>(timers: Timers, milliseconds: number, promise: Promise<Value>): Promise<Value | 'late'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = timers.after(milliseconds, () => resolve('late'));
  return Promise.race([promise, late]).finally(() => timers.cancel(timer));
}
