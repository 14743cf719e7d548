import type { EpochMs, Timer, Timers } from '../time.ts';

type Waiting = Timer & { dueMs: number; readonly order: number; readonly periodMs: number | null; act: () => void };

/** Friday, 1 January 2027, 00:00 UTC. */
const defaultStart: EpochMs = Date.UTC(2027, 0, 1);

/**
 * Time that passes when it is told to. Between two timers the event loop gets a turn, so that what the first one set off
 * in this process comes before the second; real work in threads and files takes no simulated time.
 */
export class SimulatedTimers implements Timers {
  #monotonicMs = 0;
  /** What the wall clock shows beyond `monotonicMs`. */
  #offsetMs: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  constructor(startsAtMs: EpochMs = defaultStart) {
    this.#offsetMs = startsAtMs;
  }

  readonly now = (): EpochMs => this.#offsetMs + this.#monotonicMs;
  readonly monotonicMs = (): number => this.#monotonicMs;
  readonly after = (delayMs: number, act: () => void): Timer => this.#wait(Math.max(0, delayMs), null, act);
  readonly every = (periodMs: number, act: () => void): Timer => {
    const everyMs = Math.max(1, periodMs);
    return this.#wait(everyMs, everyMs, act);
  };
  readonly cancel = (timer: Timer | undefined): void => void this.#waiting.delete(timer as Waiting);

  /** Milliseconds until the next timer is due; null when none waits. */
  get nextInMs(): number | null {
    const next = this.#next();
    return next === undefined ? null : next.dueMs - this.#monotonicMs;
  }

  /** Lets `ms` pass, and what is due in them run, in order. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await turn();
    for (let next = this.#next(); next !== undefined && next.dueMs <= untilMs; next = this.#next()) {
      this.#monotonicMs = next.dueMs;
      if (next.periodMs === null) this.#waiting.delete(next);
      else next.dueMs += next.periodMs;
      next.act();
      await turn();
    }
    this.#monotonicMs = untilMs;
  }

  /** Goes from timer to timer until `done` says so. Throws when nothing waits, or after `limitMs`, and it still is not. */
  async advanceUntil(done: () => boolean, limitMs = 86_400_000): Promise<void> {
    const untilMs = this.#monotonicMs + limitMs;
    for (await turn(); !done(); ) {
      const nextInMs = this.nextInMs;
      if (nextInMs === null || this.#monotonicMs + nextInMs > untilMs) {
        throw new Error(`simulated time: not so after ${this.#monotonicMs} ms, with ${this.#waiting.size} timers left`);
      }
      await this.advance(nextInMs);
    }
  }

  /** Somebody sets the wall clock: no timer comes earlier or later for it. */
  setWallClock(nowMs: EpochMs): void {
    this.#offsetMs = nowMs - this.#monotonicMs;
  }

  #wait(delayMs: number, periodMs: number | null, act: () => void): Timer {
    const order = this.#order++;
    const timer = { timer: Symbol('timer'), dueMs: this.#monotonicMs + delayMs, order, periodMs, act };
    this.#waiting.add(timer);
    return timer;
  }

  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    for (const timer of this.#waiting) {
      const isSooner = next === undefined || timer.dueMs < next.dueMs;
      if (isSooner || (timer.dueMs === next?.dueMs && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** One turn of the real event loop: microtasks, and what I/O has finished meanwhile. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
