import type { EpochMs } from '../../base/time.ts';
import type { Alert } from '../scoring/alert.ts';
import { familyOf } from './family.ts';

/** Alerts of one track and family within one hour. */
export type AlertCount = Readonly<{ track: string; hourMs: EpochMs; family: string; count: number }>;

const hourMs = 3_600_000;
const hoursKept = 24;
/** Of one track in one hour; what goes beyond is counted as one. */
const familiesMax = 16;
const others = 'others';

/**
 * How many alerts of which families there were in the last 24 hours: what a client tells its coordinator. Numbers and names of
 * families alone: no alert's contents, and no workload, leave the cluster so.
 */
export class AlertCounts {
  readonly #counts = new Map<string, { -readonly [Field in keyof AlertCount]: AlertCount[Field] }>();
  /** Grows with every change. */
  revision = 0;

  add(alert: Alert, nowMs: EpochMs): void {
    const hour = nowMs - (nowMs % hourMs);
    const ofHour = [...this.#counts.values()].filter((one) => one.track === alert.track && one.hourMs === hour);
    const named = familyOf(alert);
    const family = ofHour.length < familiesMax || ofHour.some((one) => one.family === named) ? named : others;
    const key = `${alert.track} ${hour} ${family}`;
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { track: alert.track, hourMs: hour, family, count: 1 });
    else known.count += 1;
    this.revision += 1;
    this.#forget(nowMs);
  }

  /** Oldest hour first. */
  recent(nowMs: EpochMs): readonly AlertCount[] {
    this.#forget(nowMs);
    return [...this.#counts.values()].map((one) => ({ ...one }));
  }

  #forget(nowMs: EpochMs): void {
    const oldest = nowMs - hoursKept * hourMs;
    for (const [key, one] of this.#counts) if (one.hourMs <= oldest - hourMs) this.#counts.delete(key);
  }
}
