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

/** Numbers and keys of one series at most. */
export const valuesOfSeriesMax = recentMax + 24 * hourMax + keysMax;

export type Seen = Readonly<{ count: number; p: number; usual: Usual }>;

/** What a series rests on: whole intervals, the latest last, those of each hour of the day, and keys that are no news. */
export type SeriesPast = Readonly<{
  recent: readonly number[];
  hours: readonly (readonly [hour: number, counts: readonly number[]])[];
  /** Whole intervals that there ever were. */
  whole: number;
  keys: readonly string[];
  /** False where nobody watched since: the interval that runs now will not be whole. */
  isWatched: boolean;
}>;

/** Of a thing that was watched for so many whole intervals and never came. */
export function quietPast(intervals: number): SeriesPast {
  const recent = new Array<number>(Math.min(intervals, recentMax)).fill(0);
  return { recent, hours: [], whole: 0, keys: [], isWatched: true };
}

/**
 * How much of one thing a workload did in the latest interval, against what it did in whole intervals before. What came lately
 * and, once there are earlier days to know it by, what came at this hour: only what is unusual for both is unusual. No
 * season is assumed that the workload has not shown. Bounded: 120 + 24 × 60 numbers and, of news, 1,024 keys at most.
 */
export class RateSeries {
  readonly #options: SeriesOptions;
  /** The latest parts, by part number modulo `parts`; shape [parts]. */
  readonly #latest = new Float64Array(parts);
  /** Key to the part in which it was news; least recently seen first. */
  readonly #keys = new Map<string, number>();
  /** Number of the part that counts now. */
  #part: number;
  /** The first part from which on everything was watched. */
  #watchedFrom: number;
  #whole: number;
  readonly #recent: number[];
  readonly #hours: Map<number, number[]>;
  /** What is usual lately, and at the hour that is now; made anew when an interval closes. */
  #usual: Usual | undefined;
  #usualAtHour: Usual | undefined;

  /** atMs: now. */
  constructor(options: SeriesOptions, atMs: number, { recent, hours, whole, keys, isWatched }: SeriesPast) {
    this.#options = options;
    this.#part = this.#partOf(atMs);
    this.#watchedFrom = isWatched ? Number.NEGATIVE_INFINITY : this.#part;
    this.#whole = whole;
    this.#recent = [...recent];
    this.#hours = new Map(hours.map(([hour, counts]) => [hour, [...counts]]));
    for (const key of keys) this.#keys.set(key, Number.NEGATIVE_INFINITY);
    this.#weighAnew();
  }

  /**
   * What outlives the process, as it is at that time. The interval that runs does not: what came of it after its end nobody
   * knows. This series stays where it is: what comes later than it happened still counts in its own interval.
   */
  pastAt(atMs: number): SeriesPast {
    const isOver = Math.floor(this.#partOf(atMs) / parts) > Math.floor(this.#part / parts);
    return isOver ? this.#copyAt(atMs).#past : this.#past;
  }

  get #past(): SeriesPast {
    const rounded = (count: number) => Math.round(100 * count) / 100;
    return {
      recent: this.#recent.map(rounded),
      hours: [...this.#hours].map(([hour, counts]) => [hour, counts.map(rounded)] as const),
      whole: this.#whole,
      keys: [...this.#keys.keys()],
      isWatched: false,
    };
  }

  #copyAt(atMs: number): RateSeries {
    const keys = [...this.#keys.keys()];
    const past = { recent: this.#recent, hours: [...this.#hours], whole: this.#whole, keys, isWatched: true };
    const copy = new RateSeries(this.#options, this.#part * this.#partMs, past);
    copy.#watchedFrom = this.#watchedFrom;
    copy.#latest.set(this.#latest);
    copy.advance(atMs);
    return copy;
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
    if (next - parts < this.#watchedFrom) return;
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
