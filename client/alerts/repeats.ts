import type { EpochMs } from '../../base/time.ts';
import type { Alert } from '../scoring/alert.ts';
import { familyOf } from './family.ts';
import type { Outgoing } from './outgoing.ts';

type Window = { endsAtMs: EpochMs; count: number; last: Alert };

/** Windows that may be open at once; beyond it the oldest ends early, so that nobody fills the memory. */
const windowsMax = 10_000;

/**
 * The same of one workload within a window is told once, at once; what came after it is told once more, with its number, when the
 * window ends. Windows live as long as the process: after a restart the same is told anew.
 */
export class Repeats {
  readonly #windowMs: number;
  /** Oldest first: all are equally long. */
  readonly #windows = new Map<string, Window>();
  #early: Outgoing[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** What is to be told of this alert now; undefined where it is counted for later. */
  take(alert: Alert, nowMs: EpochMs): Outgoing | undefined {
    if (this.#windowMs === 0) return { alert, repeats: 1 };
    const key = keyOf(alert);
    const open = this.#windows.get(key);
    if (open !== undefined && open.endsAtMs > nowMs) {
      open.count += 1;
      open.last = alert;
      return undefined;
    }
    if (open !== undefined) this.#end(key, open);
    this.#windows.set(key, { endsAtMs: nowMs + this.#windowMs, count: 0, last: alert });
    if (this.#windows.size > windowsMax) {
      const [oldest] = this.#windows;
      if (oldest !== undefined) this.#end(...oldest);
    }
    return { alert, repeats: 1 };
  }

  /** What was counted in windows that are over, or in all of them. */
  ended(nowMs: EpochMs, all = false): readonly Outgoing[] {
    for (const [key, window] of this.#windows) {
      if (!all && window.endsAtMs > nowMs) break;
      this.#end(key, window);
    }
    return this.#early.splice(0);
  }

  /** When the next window ends; undefined while none is open. */
  get nextMs(): EpochMs | undefined {
    const [first] = this.#windows.values();
    return first?.endsAtMs;
  }

  #end(key: string, { count, last }: Window): void {
    this.#windows.delete(key);
    if (count > 0) this.#early.push({ alert: last, repeats: count });
  }
}

function keyOf(alert: Alert): string {
  const { namespace, workload, pod } = alert.subject;
  return JSON.stringify([alert.track, namespace, workload === '' ? pod : workload, familyOf(alert)]);
}
