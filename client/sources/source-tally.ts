import { shapeOfSkipped } from '../events/line-shape.ts';
import type { SkipReason, SourceItem } from '../events/source-item.ts';

/** More names than this are counted no further. */
const namesMax = 100_000;

export type SkippedTally = Readonly<{ reason: SkipReason; count: number; where: string; shape: string | undefined }>;

/** What was understood of a source, in numbers: for people who want to know whether it is read right. */
export class SourceTally {
  readonly #events = new Map<string, number>();
  readonly #workloads = new Set<string>();
  readonly #edges = new Set<string>();
  readonly #skipped = new Map<SkipReason, { count: number; where: string; shape: string | undefined }>();
  #lost = 0;

  saw(item: SourceItem): void {
    switch (item.kind) {
      case 'skipped': {
        const known = this.#skipped.get(item.reason);
        if (known !== undefined) known.count += 1;
        else this.#skipped.set(item.reason, { count: 1, where: item.where, shape: shapeOfSkipped(item) });
        return;
      }
      case 'lost':
        this.#lost += item.count;
        return;
      case 'end':
      case 'repaired':
        return;
      case 'call':
        this.#name(item.process.namespace, item.process.workload || item.process.binary);
        break;
      case 'trace':
        this.#name('', item.workloadClass);
        break;
      case 'flow': {
        const { source, destination, destinationPort } = item.flow;
        for (const { kind, namespace, workload } of [source, destination]) {
          if (kind === 'workload') this.#name(namespace, workload);
        }
        const ends = [source, destination].map(({ kind, namespace, workload }) => `${kind}/${namespace}/${workload}`);
        if (this.#edges.size < namesMax) this.#edges.add(`${ends.join(' ')} ${destinationPort}`);
        break;
      }
      default:
    }
    this.#events.set(item.kind, (this.#events.get(item.kind) ?? 0) + 1);
  }

  /** Calls, traces, flows, alerts: how many of each. */
  get events(): ReadonlyMap<string, number> {
    return this.#events;
  }

  get workloadCount(): number {
    return this.#workloads.size;
  }

  /** Pairs of ends and a port. */
  get edgeCount(): number {
    return this.#edges.size;
  }

  /** What the sensor says that it dropped. */
  get lostCount(): number {
    return this.#lost;
  }

  /** The commonest first. */
  get skipped(): readonly SkippedTally[] {
    return [...this.#skipped].map(([reason, tally]) => ({ reason, ...tally })).sort((a, b) => b.count - a.count);
  }

  #name(namespace: string, workload: string): void {
    if (this.#workloads.size < namesMax) this.#workloads.add(`${namespace}/${workload}`);
  }
}
