import { pause } from '../../base/pause.ts';
import type { Timers } from '../../base/time.ts';
import type { ObservedFlow } from '../events/flow-record.ts';
import type { SourceBatch, SourceItem } from '../events/source-item.ts';

const waitingMax = 65_536;
const batchMax = 512;
/** Time goes on for whoever reads, while nothing comes. */
const idleMs = 1_000;

/** A source that others push items into. Bounded: what comes while nobody reads fast enough is counted as lost. */
export class PushedItems {
  #waiting: SourceItem[] = [];
  #lost = 0;
  #wake: () => void = () => undefined;

  pushFlows(flows: readonly ObservedFlow[]): void {
    const room = Math.max(0, waitingMax - this.#waiting.length);
    for (const flow of flows.slice(0, room)) this.#waiting.push({ kind: 'flow', flow });
    this.#lost += Math.max(0, flows.length - room);
    this.#wake();
  }

  /** Until `signal` aborts. For one reader. */
  async *batches(timers: Timers, signal: AbortSignal): AsyncGenerator<SourceBatch<never>> {
    while (!signal.aborted) {
      const items = this.#waiting.splice(0, batchMax);
      if (this.#lost > 0) items.push({ kind: 'lost', count: this.#lost });
      this.#lost = 0;
      yield { items, cursor: undefined };
      if (this.#waiting.length > 0) continue;
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, pause(timers, idleMs, signal)]);
    }
  }
}
