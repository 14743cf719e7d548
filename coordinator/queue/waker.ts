import type { EpochMs } from '../../base/time.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ScheduleRules } from '../round/schedule/schedule-rules.ts';

/** What there is to be woken for, derived from the journal's fold each time it changes. */
export type Alarms = Readonly<{
  /** The soonest moment at which something becomes due; null when nothing will by itself. */
  nextMs: EpochMs | null;
  /** Tracks with a schedule. */
  schedules: readonly Readonly<{ track: TrackId; schedule: ScheduleRules }>[];
}>;

/**
 * Wakes the engine, no more: what is due is then derived from the journal. A waker may wake too often, too late or
 * twice; the engine's own watchdog covers one that never does.
 */
export interface Waker {
  /** Must be called once, before anything else. */
  start(wake: () => void): Promise<void>;
  /** Replaces what was set before. Must not throw, and may fail silently: the watchdog is there. */
  set(alarms: Alarms): void;
  close(): Promise<void>;
}
