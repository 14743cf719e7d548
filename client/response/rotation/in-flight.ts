import type { RotationConfig } from './rotation-config.ts';

/** Rotations under way, counted for the limits. */
export class InFlight {
  readonly #limits: RotationConfig['maxInFlight'];
  readonly #workloads = new Map<string, number>();
  readonly #nodes = new Map<string, number>();
  readonly #budgets = new Set<string>();
  #cluster = 0;

  constructor(limits: RotationConfig['maxInFlight']) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#cluster;
  }

  /** `node`: '' where its pod is gone already. `budget`: one eviction at a time for each, since what it says is late. */
  add({ workload, node, budget }: Readonly<{ workload: string; node: string; budget: string | undefined }>): void {
    this.#cluster += 1;
    this.#workloads.set(workload, (this.#workloads.get(workload) ?? 0) + 1);
    if (node !== '') this.#nodes.set(node, (this.#nodes.get(node) ?? 0) + 1);
    if (budget !== undefined) this.#budgets.add(budget);
  }

  hasRoom(workload: string, node: string, budget: string | undefined): boolean {
    const { cluster, workload: ofWorkload, node: ofNode } = this.#limits;
    return (
      this.#cluster < cluster &&
      this.countOf(workload) < ofWorkload &&
      (this.#nodes.get(node) ?? 0) < ofNode &&
      (budget === undefined || !this.#budgets.has(budget))
    );
  }

  /** Of a workload. */
  countOf(workload: string): number {
    return this.#workloads.get(workload) ?? 0;
  }
}
