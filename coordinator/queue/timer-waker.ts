import type { Timer, Timers } from '../../base/time.ts';
import type { Alarms, Waker } from './waker.ts';

/** The embedded waker: one in-process timer for the soonest deadline. */
export class TimerWaker implements Waker {
  readonly #timers: Timers;
  #wake: (() => void) | undefined;
  #timer: Timer | undefined;
  #setForMs: number | null = null;
  #closed = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  async start(wake: () => void): Promise<void> {
    this.#wake = wake;
  }

  set({ nextMs }: Alarms): void {
    if (this.#closed || nextMs === this.#setForMs) return;
    this.#setForMs = nextMs;
    this.#timers.cancel(this.#timer);
    if (nextMs === null) return;
    this.#timer = this.#timers.after(nextMs - this.#timers.now(), () => {
      this.#setForMs = null;
      this.#wake?.();
    });
  }

  async close(): Promise<void> {
    this.#closed = true; // The last beat may still end, and would set it anew.
    this.#wake = undefined;
    this.#timers.cancel(this.#timer);
  }
}
