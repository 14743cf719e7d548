import { systemTimers } from '../system-timers.ts';
import type { Timer, TimerOptions, Timers } from '../time.ts';

type Waiting = { readonly dueMs: number; readonly act: () => void; real: Timer };

/**
 * The system's time, which a test may move on: minutes pass at once for whoever waits by it, and everything else happens as it
 * really does. For what waits long between attempts at something real.
 */
export class MovedTimers implements Timers {
  #movedMs = 0;
  readonly #waiting = new Map<symbol, Waiting>();

  readonly now = () => systemTimers.now() + this.#movedMs;
  readonly monotonicMs = () => systemTimers.monotonicMs() + this.#movedMs;
  readonly after = (delayMs: number, act: () => void, options?: TimerOptions): Timer => {
    const timer = Symbol('moved');
    const real = systemTimers.after(delayMs, () => this.#fire(timer), options);
    this.#waiting.set(timer, { dueMs: this.monotonicMs() + Math.max(0, delayMs), act, real });
    return { timer };
  };
  readonly every = (periodMs: number, act: () => void, options?: TimerOptions): Timer => {
    const timer = Symbol('moved');
    const wait = () => {
      const real = systemTimers.after(periodMs, () => this.#fire(timer), options);
      this.#waiting.set(timer, { dueMs: this.monotonicMs() + periodMs, act: again, real });
    };
    const again = () => {
      wait();
      act();
    };
    wait();
    return { timer };
  };
  readonly cancel = (timer: Timer | undefined) => {
    const waiting = timer === undefined ? undefined : this.#waiting.get(timer.timer);
    systemTimers.cancel(waiting?.real);
    if (timer !== undefined) this.#waiting.delete(timer.timer);
  };

  /** Moves time on to where the next of those that wait is due, and lets it act. False where nobody waits. */
  next(): boolean {
    const first = this.#first();
    if (first === undefined) return false;
    const [timer, { dueMs }] = first;
    this.#movedMs += Math.max(0, dueMs - this.monotonicMs());
    this.#fire(timer);
    return true;
  }

  /** Moves time on by so much, and lets those act whose time that is: it runs faster, and what is real keeps up. */
  pass(ms: number): void {
    this.#movedMs += ms;
    for (
      let first = this.#first();
      first !== undefined && first[1].dueMs <= this.monotonicMs();
      first = this.#first()
    ) {
      this.#fire(first[0]);
    }
  }

  #first(): readonly [symbol, Waiting] | undefined {
    return [...this.#waiting].sort(([, a], [, b]) => a.dueMs - b.dueMs)[0];
  }

  #fire(timer: symbol): void {
    const waiting = this.#waiting.get(timer);
    if (waiting === undefined) return;
    this.#waiting.delete(timer);
    systemTimers.cancel(waiting.real);
    waiting.act();
  }
}
