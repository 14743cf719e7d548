import { systemTimers } from '../system-timers.ts';
import type { Timers } from '../time.ts';

/**
 * The system's time with a wall clock that is wrong by `byMs`, which may be set at any moment: for what depends on real
 * sockets and real certificates and yet on days that pass. Timers run as they always do.
 */
export class ShiftedTimers implements Timers {
  byMs: number;
  readonly monotonicMs = systemTimers.monotonicMs;
  readonly after = systemTimers.after;
  readonly every = systemTimers.every;
  readonly cancel = systemTimers.cancel;
  readonly now = () => systemTimers.now() + this.byMs;

  constructor(byMs: number) {
    this.byMs = byMs;
  }
}
