import type { EpochMs, Timer, Timers } from '../../../base/time.ts';
import type { Scheduled, World } from './world.ts';

/** A machine's wall clock: it survives its processes, and may be set. */
export type WallClock = { aheadMs: number };

type Waiting = Timer & { scheduled: Scheduled };

/** One life of one process. What it waits for never comes once it is dead, and comes late while it is paused. */
export class SimulatedProcess {
  readonly name: string;
  readonly world: World;
  readonly timers: Timers;
  isAlive = true;
  #pausedUntilMs = 0;
  readonly #startedMs: EpochMs;
  readonly #deaths = new Set<() => void>();

  constructor(name: string, world: World, clock: WallClock) {
    this.name = name;
    this.world = world;
    this.#startedMs = world.nowMs;
    this.timers = {
      now: () => Math.floor(world.nowMs + clock.aheadMs),
      monotonicMs: () => world.nowMs - this.#startedMs,
      after: (delayMs, act) => this.#after(delayMs, act),
      every: (periodMs, act) => this.#every(Math.max(1, periodMs), act),
      cancel: (timer) => {
        if (timer !== undefined) (timer as Waiting).scheduled.act = undefined;
      },
    };
  }

  /** `act` happens to this process after a while: at once when it resumes where it is paused, never when it is dead. */
  deliver(delayMs: number, act: () => void): Scheduled {
    const scheduled = this.world.after(delayMs, () => {
      if (!this.isAlive) return;
      const leftMs = this.#pausedUntilMs - this.world.nowMs;
      if (leftMs <= 0) act();
      else this.world.after(leftMs, () => this.deliver(0, act));
    });
    return scheduled;
  }

  /** Stands still: signals and the scheduler of its machine can do that to it. */
  pause(milliseconds: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.world.nowMs + milliseconds);
  }

  get isPaused(): boolean {
    return this.world.nowMs < this.#pausedUntilMs;
  }

  /** What was held back comes when it would have come anyway; from now on nothing is. */
  resume(): void {
    this.#pausedUntilMs = 0;
  }

  /** Called as it dies. Returns the end of that. */
  onDeath(act: () => void): () => void {
    this.#deaths.add(act);
    return () => void this.#deaths.delete(act);
  }

  kill(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    for (const act of this.#deaths) act();
  }

  #after(delayMs: number, act: () => void): Waiting {
    const waiting: Waiting = { timer: timerMark, scheduled: undefined as unknown as Scheduled };
    // Late work of a paused process can be cancelled too: the mark is looked at when it runs.
    waiting.scheduled = this.world.after(delayMs, () => this.#run(waiting, act));
    return waiting;
  }

  #run(waiting: Waiting, act: () => void): void {
    if (!this.isAlive) return;
    const leftMs = this.#pausedUntilMs - this.world.nowMs;
    if (leftMs <= 0) act();
    else waiting.scheduled = this.world.after(leftMs, () => this.#run(waiting, act));
  }

  #every(periodMs: number, act: () => void): Waiting {
    const waiting: Waiting = { timer: timerMark, scheduled: undefined as unknown as Scheduled };
    const again = () => {
      waiting.scheduled = this.world.after(periodMs, () => this.#run(waiting, beat));
    };
    const beat = () => {
      again();
      act();
    };
    again();
    return waiting;
  }
}

const timerMark = Symbol('simulated timer');
