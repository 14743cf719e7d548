import type { EpochMs } from '../../../base/time.ts';

export type Scheduled = { readonly atMs: EpochMs; readonly order: number; act: (() => void) | undefined };

/** 1 January 2027, 00:00 UTC: where every simulated day begins. */
export const dawnMs: EpochMs = Date.UTC(2027, 0, 1);

const realImmediate = setImmediate;
const perMomentMax = 50_000;

/**
 * True time, which no process can see, and what is to happen in it, in one order: by moment, then by when it was asked
 * for. After each act everything that it set off in this process runs, before the next: nothing real is waited for.
 */
export class World {
  nowMs: EpochMs;
  /** Acts that have happened. */
  acts = 0;
  /** What a promise that nobody waits for was rejected with: a broken invariant of ours. */
  failed: unknown;
  readonly #heap: Scheduled[] = [];
  #order = 0;
  #actsOfMoment = 0;

  constructor(startsAtMs: EpochMs = dawnMs) {
    this.nowMs = startsAtMs;
  }

  after(delayMs: number, act: () => void): Scheduled {
    const scheduled = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, act };
    this.#push(scheduled);
    return scheduled;
  }

  /** Until the given moment, or until `afterAct` says so. */
  run(untilMs: EpochMs, afterAct: () => boolean): Promise<void> {
    // From the event loop itself: within a promise's reaction no other one runs.
    return new Promise((resolve, reject) => {
      realImmediate(() => {
        try {
          this.#run(untilMs, afterAct);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #run(untilMs: EpochMs, afterAct: () => boolean): void {
    settle();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      const { act } = next;
      if (act === undefined) continue;
      this.#actsOfMoment = next.atMs === this.nowMs ? this.#actsOfMoment + 1 : 0;
      if (this.#actsOfMoment > perMomentMax) throw new Error(`simulator: time stands still at ${this.nowMs}`);
      this.nowMs = next.atMs;
      this.acts += 1;
      act();
      settle();
      if (this.failed !== undefined || afterAct()) return;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(scheduled: Scheduled): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(scheduled);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(scheduled, heap[parent] as Scheduled)) break;
      heap[at] = heap[parent] as Scheduled;
      at = parent;
    }
    heap[at] = scheduled;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Scheduled;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child += 1;
      if (!isBefore(heap[child] as Scheduled, last)) break;
      heap[at] = heap[child] as Scheduled;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/**
 * Everything that waits for nothing but this process has run once this returns, and a rejection that nobody handles is told: what Node
 * does between two turns of its loop, without the turn, which costs more than most acts.
 */
const settle = (process as unknown as { _tickCallback(): void })._tickCallback;
