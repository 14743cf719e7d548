import { type Measure, measures, type RateFact, type RateQuery, type Unusual } from '../events/rate-fact.ts';
import { cauchyCombined } from './cauchy.ts';
import { quietPast, RateSeries, type SeriesPast, valuesOfSeriesMax } from './rate-series.ts';
import type { Scale } from './usual.ts';

/** Rates rarest first, and how likely all of them together are. */
export type Rates = Readonly<{ p: number; unusual: readonly Unusual[] }>;

export type WorkloadRatesOptions = Readonly<{
  intervalMs: number;
  /** Whole intervals that a workload was watched for before its rates say anything. */
  intervalsMin: number;
  /** Series over all workloads; the one that has been quiet longest is forgotten first. */
  seriesMax: number;
}>;

export const defaultRates: WorkloadRatesOptions = { intervalMs: 60_000, intervalsMin: 10, seriesMax: 4_096 };

/** Rates that are told apart in one workload; what comes beyond counts as one, measure by measure. */
const seriesOfWorkloadMax = 128;
const otherShape = 'other';
/** Numbers and keys of one workload at most: every series, and of each measure one for what comes beyond. */
export const valuesOfWorkloadMax = (seriesOfWorkloadMax + measures.length) * valuesOfSeriesMax;
/** No past is long enough to tell what is rarer. */
const pMin = 1e-6;

const news: ReadonlySet<Measure> = new Set(['new peers', 'new templates']);

/** What outlives the process, the workload that was heard last first. */
export type RatesRecord = Readonly<{
  intervalMs: number;
  workloads: readonly Readonly<{
    name: string;
    /** How long it was watched, milliseconds. */
    watchedMs: number;
    series: readonly (SeriesName & SeriesPast)[];
  }>[];
}>;

type Workload = { readonly firstMs: number; readonly series: Map<string, Series> };
type Series = Readonly<{ rates: RateSeries; measure: Measure; shape: string; peer: string }>;

/**
 * How much every workload does by the minute, against its own past. Holds counts and hashes, nothing that was said. Times
 * are the events' own; the same facts in the same order give the same rates.
 */
export class WorkloadRates {
  readonly #options: WorkloadRatesOptions;
  /** Least recently heard first. */
  readonly #workloads = new Map<string, Workload>();
  #count = 0;
  /** Latest time of the clock that events are held against, since it was last set back. */
  #clockMs = Number.NEGATIVE_INFINITY;

  constructor(options: WorkloadRatesOptions = defaultRates) {
    this.#options = options;
  }

  get intervalMs(): number {
    return this.#options.intervalMs;
  }

  get workloadCount(): number {
    return this.#workloads.size;
  }

  get seriesCount(): number {
    return this.#count;
  }

  /**
   * When an event counts. Nothing that has a clock of its own may run ahead of ours: what it counted would never be over. Where
   * ours is set back by more than half an interval, what was counted ahead of it is: every interval that runs begins anew at
   * the present, and what is usual stays, as over a restart. A lesser step only makes that interval longer.
   */
  timeOf(atMs: number, nowMs: number): number {
    const isSetBack = nowMs < this.#clockMs - this.#options.intervalMs / 2;
    if (isSetBack) this.#beginAnew(nowMs);
    this.#clockMs = isSetBack ? nowMs : Math.max(this.#clockMs, nowMs);
    return Math.min(atMs, nowMs);
  }

  hear(facts: readonly RateFact[], atMs: number): void {
    for (const fact of facts) {
      const { workload: name, amount, key } = fact;
      const workload = this.#workloads.get(name) ?? { firstMs: atMs, series: new Map<string, Series>() };
      this.#workloads.delete(name);
      this.#workloads.set(name, workload);
      this.#seriesOf(workload, fact, atMs).rates.add(amount, key, atMs);
    }
    this.#forgetBeyond();
  }

  /** The rates that these facts are part of, and those asked for, as they are at that time. Undefined for none. */
  unusual(facts: readonly RateFact[], queries: readonly RateQuery[], atMs: number): Rates | undefined {
    const asked = new Map<Series, string>();
    for (const fact of facts) {
      const own = this.#workloads.get(fact.workload)?.series;
      const series = own?.get(nameOf(fact)) ?? own?.get(nameOf({ ...fact, shape: otherShape, peer: '' }));
      if (series !== undefined) asked.set(series, fact.workload);
    }
    for (const { workload, measures, peer, key } of queries) {
      for (const series of this.#workloads.get(workload)?.series.values() ?? []) {
        if (!measures.includes(series.measure)) continue;
        if (peer !== undefined && series.peer !== '' && series.peer !== peer) continue;
        if (key !== undefined && news.has(series.measure) && !series.rates.isNews(key)) continue;
        asked.set(series, workload);
      }
    }
    const found: Unusual[] = [];
    for (const [{ rates, measure, shape, peer }, workload] of asked) {
      const seen = rates.seen(atMs, this.#options.intervalsMin);
      if (seen === undefined) continue;
      const { count, usual } = seen;
      const { median, high, intervals } = usual;
      const p = Math.max(pMin, seen.p);
      found.push({ workload, measure, shape, peer, count, median, high, intervals, p });
    }
    if (found.length === 0) return undefined;
    found.sort((a, b) => a.p - b.p);
    // A rate below what is usual excuses nothing.
    const p = cauchyCombined(found.map((one) => Math.min(0.5, one.p)));
    return { p, unusual: found };
  }

  /** Everything known by then, but no more than so many numbers and keys: who does not fit beside those heard later is left out. */
  record(atMs: number, valuesMax: number): RatesRecord {
    const workloads: RatesRecord['workloads'][number][] = [];
    let values = 0;
    for (const [name, { firstMs, series }] of [...this.#workloads].reverse()) {
      const kept = [...series.values()].map(({ rates, measure, shape, peer }) => ({
        ...{ measure, shape, peer },
        ...rates.pastAt(atMs),
      }));
      const own = kept.reduce((sum, past) => sum + valuesIn(past), 0);
      if (values + own > valuesMax) continue;
      values += own;
      workloads.push({ name, watchedMs: Math.max(0, atMs - firstMs), series: kept });
    }
    return { intervalMs: this.#options.intervalMs, workloads };
  }

  /**
   * Goes on where a record was left; nothing was watched between. For one that has heard nothing yet. False, and nothing
   * done, for one of another interval: minutes of another length tell nothing of these.
   */
  goOn({ intervalMs, workloads }: RatesRecord, atMs: number): boolean {
    if (intervalMs !== this.#options.intervalMs) return false;
    for (const { name, watchedMs, series: kept } of workloads.toReversed()) {
      const series = new Map(kept.map((past) => [nameOf(past), this.#series(past, atMs, past)] as const));
      this.#workloads.set(name, { firstMs: atMs - watchedMs, series });
      this.#count += series.size;
    }
    this.#forgetBeyond();
    return true;
  }

  #beginAnew(atMs: number): void {
    const before = this.record(atMs, Number.POSITIVE_INFINITY);
    this.#workloads.clear();
    this.#count = 0;
    this.goOn(before, atMs);
  }

  #seriesOf({ firstMs, series }: Workload, { measure, shape, peer }: SeriesName, atMs: number): Series {
    const known = series.get(nameOf({ measure, shape, peer }));
    if (known !== undefined) return known;
    if (shape !== otherShape && series.size >= seriesOfWorkloadMax) {
      return this.#seriesOf({ firstMs, series }, { measure, shape: otherShape, peer: '' }, atMs);
    }
    const { intervalMs } = this.#options;
    const earlier = Math.max(0, Math.floor(atMs / intervalMs) - Math.floor(firstMs / intervalMs));
    const fresh = this.#series({ measure, shape, peer }, atMs, quietPast(earlier));
    series.set(nameOf(fresh), fresh);
    this.#count += 1;
    return fresh;
  }

  #series({ measure, shape, peer }: SeriesName, atMs: number, past: SeriesPast): Series {
    const { intervalMs } = this.#options;
    const scale: Scale = measure === 'bytes out' ? 'amount' : 'count';
    return {
      rates: new RateSeries({ intervalMs, scale, isNews: news.has(measure) }, atMs, past),
      measure,
      shape,
      peer,
    };
  }

  #forgetBeyond(): void {
    for (const [name, { series }] of this.#workloads) {
      if (this.#count <= this.#options.seriesMax || this.#workloads.size <= 1) return;
      this.#workloads.delete(name);
      this.#count -= series.size;
    }
  }
}

function valuesIn({ recent, hours, keys }: SeriesPast): number {
  return hours.reduce((sum, [, counts]) => sum + counts.length, recent.length + keys.length);
}

/** A sentence for people. */
export function rateText(rate: Unusual, intervalMs: number): string {
  const { workload, measure, shape, peer, count, median, high, intervals } = rate;
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  const what = [measure, shape === '' ? '' : ` (${shape})`, peer === '' ? '' : ` from ${peer}`].join('');
  const within = intervalMs === 60_000 ? 'a minute' : `${intervalMs / 1_000} s`;
  return (
    `${workload}: ${whole(count)} ${what} within ${within}; ` +
    `usual are ${whole(median)}, and no more than ${whole(high)} in nine of ten (of ${intervals})`
  );
}

type SeriesName = Pick<RateFact, 'measure' | 'shape' | 'peer'>;

function nameOf({ measure, shape, peer }: SeriesName): string {
  return `${measure}|${shape}|${peer}`;
}
