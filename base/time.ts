/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

/** What `after` and `every` give back, for `cancel` alone. */
export type Timer = Readonly<{ timer: symbol }>;

export type TimerOptions = Readonly<{
  /** The process may end while this waits. Default: it stays alive for it. */
  background?: boolean;
}>;

/**
 * Time as a port: whoever waits or asks what time it is gets one of these, so that a simulator can hold the whole house.
 * `systemTimers` is the real one. Its functions need no `this`: hand on `timers.now` as a clock.
 */
export interface Timers {
  /** The wall clock. People and other machines read it, it may be set, and so it may go back. */
  readonly now: () => EpochMs;
  /** Milliseconds, with fractions, since some moment; goes forward alone. For durations. */
  readonly monotonicMs: () => number;
  /**
   * Calls `act` once, `delayMs` from now, however far that is, and never before this returns. What is negative is due at
   * once. Timers that are due together run in the order of their due times, then in that of their calls.
   */
  readonly after: (delayMs: number, act: () => void, options?: TimerOptions) => Timer;
  /** Calls `act` after each `periodMs` (at least 1), until it is cancelled. */
  readonly every: (periodMs: number, act: () => void, options?: TimerOptions) => Timer;
  /** From here on `act` is not called. May be called twice, too late, from within `act`, and for no timer at all. */
  readonly cancel: (timer: Timer | undefined) => void;
}
