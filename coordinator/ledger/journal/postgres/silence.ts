import type { Fence } from './rows.ts';

/** How often who waits for a journal looks whether it is free. */
export const lookEveryMs = 250;

/**
 * How long the last writer has given no sign of life, by this process's own clock alone. A question that took long counts as two
 * of the usual looks: a database that was away kept the writer from beating, too. That this process came late to ask, on a machine
 * with much to do, says nothing of the writer and counts; of a machine that stood still, with the writer on it perhaps, half the
 * lease: a writer that goes on then beats before the next looks.
 */
export class Silence {
  readonly #monotonicMs: () => number;
  #seen: Fence | undefined;
  #askedMs = 0;
  #lookedMs = 0;
  #quietMs = 0;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** The question begins whose answer is looked at next. */
  asks(): void {
    this.#askedMs = this.#monotonicMs();
  }

  /** It had no answer: that time is nobody's silence. */
  isUnanswered(): void {
    this.#lookedMs = this.#monotonicMs();
  }

  /** What this look found beside the one before. */
  look(fence: Fence): 'free' | 'quiet' | 'beats' {
    const nowMs = this.#monotonicMs();
    const before = this.#seen;
    const isSame = before !== undefined && before.epoch === fence.epoch && before.beat === fence.beat;
    const pausedMs = Math.min(this.#askedMs - this.#lookedMs, fence.leaseMs / 2);
    const answeredMs = Math.min(nowMs - this.#askedMs, 2 * lookEveryMs);
    this.#quietMs = isSame ? this.#quietMs + pausedMs + answeredMs : 0;
    this.#seen = fence;
    this.#lookedMs = nowMs;
    if (fence.holder === '' || (isSame && this.#quietMs >= fence.leaseMs)) return 'free';
    return isSame || before === undefined ? 'quiet' : 'beats';
  }
}
