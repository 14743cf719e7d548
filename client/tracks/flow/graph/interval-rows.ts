import { counterCount } from './edge-totals.ts';

/** Distinct routes and labels kept of an edge. */
const routesMax = 64;
const labelsMax = 8;
const reasonsMax = 8;
const capacityMin = 16;

/**
 * What one interval has of its edges: a row of counters for each, all in one array. An object for each row would take
 * several times its counters, and be garbage with every interval.
 */
export class IntervalRows<Edge> {
  /** The edge of each row. */
  readonly edges: Edge[] = [];
  /** Shape [capacity, counterCount], row-major; rows that are not in use are 0. */
  counters = new Float64Array(capacityMin * counterCount);
  /** First and last time of each row, [capacity, 2]. */
  #times = new Float64Array(capacityMin * 2);
  readonly #routes = new Map<number, Set<string>>();
  readonly #labels = new Map<number, Set<string>>();
  readonly #reasons = new Map<number, Set<string>>();

  /** Number of a new row. */
  append(edge: Edge): number {
    const row = this.edges.push(edge) - 1;
    if ((row + 1) * 2 > this.#times.length) this.#resize(2 * row);
    this.#times[2 * row] = Number.POSITIVE_INFINITY;
    this.#times[2 * row + 1] = Number.NEGATIVE_INFINITY;
    return row;
  }

  see(row: number, firstMs: number, route: string, label: string, lastMs = firstMs, reason = ''): void {
    if (firstMs < (this.#times[2 * row] as number)) this.#times[2 * row] = firstMs;
    if (lastMs > (this.#times[2 * row + 1] as number)) this.#times[2 * row + 1] = lastMs;
    if (route !== '') note(this.#routes, row, route, routesMax);
    if (label !== '') note(this.#labels, row, label, labelsMax);
    if (reason !== '') note(this.#reasons, row, reason, reasonsMax);
  }

  /** Adds what a row has been seen with to what others were. */
  collect(row: number, into: Seen): void {
    into.firstMs = Math.min(into.firstMs, this.#times[2 * row] as number);
    into.lastMs = Math.max(into.lastMs, this.#times[2 * row + 1] as number);
    into.routes = union(into.routes, this.#routes.get(row), routesMax);
    into.labels = union(into.labels, this.#labels.get(row), labelsMax);
    const reasons = this.#reasons.get(row);
    if (reasons !== undefined) into.reasons = union(into.reasons ?? noNames, reasons, reasonsMax);
  }

  /** Adds a row's counters to an edge's totals; sign −1 takes them away again. */
  addTo(totals: Float64Array, row: number, sign: 1 | -1): void {
    const start = row * counterCount;
    for (let at = 0; at < counterCount; at++) {
      totals[at] = (totals[at] as number) + sign * (this.counters[start + at] as number);
    }
  }

  /** Forgets all rows. Room for many stays, unless most of it was not needed. */
  clear(): void {
    const used = this.edges.length;
    const capacity = this.#times.length / 2;
    this.edges.length = 0;
    this.#routes.clear();
    this.#labels.clear();
    this.#reasons.clear();
    if (capacity > 4 * Math.max(used, capacityMin)) {
      const next = Math.max(used, capacityMin);
      this.counters = new Float64Array(next * counterCount);
      this.#times = new Float64Array(next * 2);
    } else this.counters.fill(0, 0, used * counterCount);
  }

  #resize(capacity: number): void {
    const [counters, times] = [new Float64Array(capacity * counterCount), new Float64Array(capacity * 2)];
    counters.set(this.counters);
    times.set(this.#times);
    this.counters = counters;
    this.#times = times;
  }
}

/** What cannot be summed and taken away again. */
export type Seen = {
  firstMs: number;
  lastMs: number;
  routes: ReadonlySet<string>;
  labels: ReadonlySet<string>;
  /** Of verdicts; absent for none. */
  reasons?: ReadonlySet<string>;
};

/** Of nearly every edge and interval: a set of its own would be garbage with every slice. */
export const noNames: ReadonlySet<string> = new Set();

function note(names: Map<number, Set<string>>, row: number, name: string, max: number): void {
  const known = names.get(row);
  if (known === undefined) names.set(row, new Set([name]));
  else if (known.size < max) known.add(name);
}

function union(names: ReadonlySet<string>, more: ReadonlySet<string> | undefined, max: number): ReadonlySet<string> {
  if (more === undefined) return names;
  if (names === noNames) return more;
  const both = new Set(names);
  for (const name of more) if (both.size < max) both.add(name);
  return both;
}
