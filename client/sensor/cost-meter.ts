import { availableParallelism, loadavg } from 'node:os';
import type { BudgetReading } from './budget.ts';

/** What this process costs its node. */
export class CostMeter {
  readonly #monotonicMs: () => number;
  #cpu = process.cpuUsage();
  #atMs: number;
  #latest: BudgetReading = { cores: 0, rssBytes: 0, load: 0 };

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#atMs = monotonicMs();
  }

  /** Of the time between the last two readings. */
  get latest(): BudgetReading {
    return this.#latest;
  }

  read(): BudgetReading {
    const nowMs = this.#monotonicMs();
    const { user, system } = process.cpuUsage(this.#cpu);
    const cores = (user + system) / 1_000 / Math.max(1, nowMs - this.#atMs);
    this.#cpu = process.cpuUsage();
    this.#atMs = nowMs;
    const load = (loadavg()[0] as number) / availableParallelism();
    this.#latest = { cores, rssBytes: process.memoryUsage.rss(), load };
    return this.#latest;
  }
}
