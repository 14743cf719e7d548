import type { EpochMs } from '../time.ts';
import type { Outgoing } from './outgoing.ts';

type Window<Item> = { endsAtMs: EpochMs; count: number; last: Item };

/** Windows that may be open at once; beyond it the oldest ends early, so that nobody fills the memory. */
const windowsMax = 10_000;

/**
 * The same within a window is told once, at once; what came after it is told once more, with its number, when the
 * window ends. Windows live as long as the process: after a restart the same is told anew.
 */
export class Repeats<Item> {
  readonly #windowMs: number;
  readonly #keyOf: (item: Item) => string;
  /** Oldest first: all are equally long. */
  readonly #windows = new Map<string, Window<Item>>();
  #early: Outgoing<Item>[] = [];

  constructor(windowMs: number, keyOf: (item: Item) => string) {
    this.#windowMs = windowMs;
    this.#keyOf = keyOf;
  }

  /** What is to be told of it now; undefined where it is counted for later. */
  take(item: Item, nowMs: EpochMs): Outgoing<Item> | undefined {
    if (this.#windowMs === 0) return { item, repeats: 1 };
    const key = this.#keyOf(item);
    const open = this.#windows.get(key);
    if (open !== undefined && open.endsAtMs > nowMs) {
      open.count += 1;
      open.last = item;
      return undefined;
    }
    if (open !== undefined) this.#end(key, open);
    this.#windows.set(key, { endsAtMs: nowMs + this.#windowMs, count: 0, last: item });
    if (this.#windows.size > windowsMax) {
      const [oldest] = this.#windows;
      if (oldest !== undefined) this.#end(...oldest);
    }
    return { item, repeats: 1 };
  }

  /** As if it had not come: the next of the same is told at once. */
  forget(item: Item): void {
    this.#windows.delete(this.#keyOf(item));
  }

  /** What was counted in windows that are over, or in all of them. */
  ended(nowMs: EpochMs, all = false): readonly Outgoing<Item>[] {
    for (const [key, window] of this.#windows) {
      if (!all && window.endsAtMs > nowMs) break;
      this.#end(key, window);
    }
    return this.#early.splice(0);
  }

  /** When the next window ends; undefined while none is open. */
  get nextMs(): EpochMs | undefined {
    const [first] = this.#windows.values();
    return first?.endsAtMs;
  }

  #end(key: string, { count, last }: Window<Item>): void {
    this.#windows.delete(key);
    if (count > 0) this.#early.push({ item: last, repeats: count });
  }
}
