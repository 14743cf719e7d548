import type { Timers } from './time.ts';

/** Resolves after a while, or as soon as `signal` aborts. */
export function pause(timers: Timers, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      timers.cancel(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = timers.after(milliseconds, finish);
    signal.addEventListener('abort', finish, { once: true });
    if (signal.aborted) finish();
  });
}
