import type { Alarms, Waker } from './waker.ts';

/** setTimeout counts to 2^31 - 1 ms; beyond that it is armed again on the way. */
const timeoutMsMax = 2_147_483_647;

/** The embedded waker: one in-process timer for the soonest deadline. */
export class TimerWaker implements Waker {
  #clock: () => number;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #setForMs: number | null = null;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  async start(wake: () => void): Promise<void> {
    this.#wake = wake;
  }

  set({ nextMs }: Alarms): void {
    if (nextMs === this.#setForMs) return;
    this.#setForMs = nextMs;
    clearTimeout(this.#timer);
    if (nextMs === null) return;
    const delayMs = Math.max(0, Math.min(nextMs - this.#clock(), timeoutMsMax));
    this.#timer = setTimeout(() => {
      this.#setForMs = null;
      this.#wake?.();
    }, delayMs);
  }

  async close(): Promise<void> {
    this.#wake = undefined;
    clearTimeout(this.#timer);
  }
}
