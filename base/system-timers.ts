import type { Timer, TimerOptions, Timers } from './time.ts';

/** The longest that one timer of Node's reaches: 24.8 days. What is further away is armed again on the way. */
const reachMsMax = 2 ** 31 - 1;

/** The process's own time. Composition roots hand it on; `npm run time` refuses any other way to it. */
export const systemTimers: Timers = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, act, options) => {
    const timer = new SystemTimer();
    timer.arm(delayMs, act, options);
    return timer;
  },
  every: (periodMs, act, options) => {
    const timer = new SystemTimer();
    const again = () => {
      timer.arm(Math.max(1, periodMs), again, options); // Before `act`, which may cancel it.
      act();
    };
    timer.arm(Math.max(1, periodMs), again, options);
    return timer;
  },
  cancel: (timer) => {
    if (timer instanceof SystemTimer) timer.cancel();
  },
};

class SystemTimer implements Timer {
  readonly timer = Symbol('timer');
  #handle: NodeJS.Timeout | undefined;

  arm(delayMs: number, act: () => void, options: TimerOptions | undefined): void {
    const stepMs = Math.max(0, Math.min(delayMs, reachMsMax));
    const onward = () => this.arm(delayMs - stepMs, act, options);
    this.#handle = setTimeout(delayMs > reachMsMax ? onward : act, stepMs);
    if (options?.background) this.#handle.unref();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}
