import { levelOf, type Scale, tailOf, type Usual, usualOf } from './usual.ts';

export type SeriesOptions = Readonly<{ intervalMs: number; scale: Scale; isNews: boolean }>;

/** Parts of an interval by which the latest one slides. */
const parts = 6;
/** Latest whole intervals that are remembered, and whole intervals of each hour of the day. */
const recentMax = 120;
const hourMax = 60;
/** Intervals of an hour, from earlier days, before that hour is a measure of its own. */
const hourMin = 30;
/** Keys that are remembered; the one that has not come longest is forgotten first. */
const keysMax = 1_024;
const hourMs = 3_600_000;

export type Seen = Readonly<{ count: number; p: number; usual: Usual }>;

/**
 * How much of one thing a workload did in the latest interval, against what it did in whole intervals before. What came lately
 * and, once there are earlier days to know it by, what came at this hour: only what is unusual for both is unusual. No
 * season is assumed that the workload has not shown. Bounded: 120 + 24 × 60 numbers at most.
 */
export class RateSeries {
  readonly #options: SeriesOptions;
  /** The latest parts, by part number modulo `parts`; shape [parts]. */
  readonly #latest = new Float64Array(parts);
  /** Key to the part in which it was news; least recently seen first. */
  readonly #keys = new Map<string, number>();
  /** Number of the part that counts now. */
  #part: number;
  #whole = 0;
  readonly #recent: number[] = [];
  readonly #hours = new Map<number, number[]>();
  /** What is usual lately, and at the hour that is now; made anew when an interval closes. */
  #usual: Usual | undefined;
  #usualAtHour: Usual | undefined;

  /** atMs: now; earlier: whole intervals in which the workload was watched and did none of this. */
  constructor(options: SeriesOptions, atMs: number, earlier: number) {
    this.#options = options;
    this.#part = this.#partOf(atMs);
    for (let one = 0; one < Math.min(earlier, recentMax); one++) this.#recent.push(0);
    this.#weighAnew();
  }

  /** What is older than the latest interval is passed over. */
  add(amount: number, key: string | undefined, atMs: number): void {
    this.advance(atMs);
    const part = this.#partOf(atMs);
    if (part <= this.#part - parts) return;
    if (this.#options.isNews) {
      if (key === undefined) return;
      const before = this.#keys.get(key);
      this.#keys.delete(key);
      this.#keys.set(key, before ?? part);
      if (this.#keys.size > keysMax) this.#keys.delete(this.#keys.keys().next().value as string);
      if (before !== undefined) return;
      this.#latest[modulo(part)] = (this.#latest[modulo(part)] as number) + 1;
      return;
    }
    this.#latest[modulo(part)] = (this.#latest[modulo(part)] as number) + amount;
  }

  /** Undefined while too few whole intervals were seen, and where there is nothing in the latest one. */
  seen(atMs: number, intervalsMin: number): Seen | undefined {
    this.advance(atMs);
    if (this.#usual === undefined || this.#recent.length < intervalsMin) return undefined;
    const count = this.#count();
    if (count === 0) return undefined;
    const lately = tailOf(this.#usual, count);
    const atHour = this.#usualAtHour === undefined ? lately : tailOf(this.#usualAtHour, count);
    return atHour > lately
      ? { count, p: atHour, usual: this.#usualAtHour as Usual }
      : { count, p: lately, usual: this.#usual };
  }

  /** Whether a key is news of the latest interval. */
  isNews(key: string): boolean {
    const part = this.#keys.get(key);
    return part !== undefined && part > this.#part - parts;
  }

  /** Closes what is over by then. */
  advance(atMs: number): void {
    const part = this.#partOf(atMs);
    if (part <= this.#part) return;
    // After a gap longer than what is remembered there is nothing left but silence.
    const from = Math.max(this.#part + 1, part - parts * (recentMax + 1));
    let isClosed = false;
    for (let next = from; next <= part; next++) {
      this.#part = next;
      if (next % parts === 0) {
        this.#close(next);
        isClosed = true;
      }
      this.#latest[modulo(next)] = 0;
    }
    if (isClosed) this.#weighAnew();
  }

  /** The interval that ends before part `next` is whole: it is remembered, at most as what is still usual. */
  #close(next: number): void {
    const count = this.#count();
    // One burst must not make the next one usual; what comes again and again still raises the level step by step.
    const kept = this.#usual === undefined ? count : Math.min(count, levelOf(this.#usual));
    this.#recent.push(kept);
    if (this.#recent.length > recentMax) this.#recent.shift();
    const hour = hourOf((next - 1) * this.#partMs);
    const ofHour = this.#hours.get(hour) ?? [];
    this.#hours.set(hour, ofHour);
    ofHour.push(kept);
    if (ofHour.length > hourMax) ofHour.shift();
    this.#whole += 1;
  }

  #weighAnew(): void {
    const { scale, intervalMs } = this.#options;
    this.#usual = usualOf(this.#recent, scale);
    const ofHour = this.#hours.get(hourOf(this.#part * this.#partMs)) ?? [];
    // Within the first day an hour knows itself alone, which is what came lately.
    const isLater = this.#whole * intervalMs > 12 * hourMs;
    this.#usualAtHour = isLater && ofHour.length >= hourMin ? usualOf(ofHour, scale) : undefined;
  }

  #count(): number {
    return this.#latest.reduce((sum, amount) => sum + amount, 0);
  }

  get #partMs(): number {
    return this.#options.intervalMs / parts;
  }

  #partOf(atMs: number): number {
    return Math.floor(atMs / this.#partMs);
  }
}

function modulo(part: number): number {
  return ((part % parts) + parts) % parts;
}

function hourOf(atMs: number): number {
  return ((Math.floor(atMs / hourMs) % 24) + 24) % 24;
}
