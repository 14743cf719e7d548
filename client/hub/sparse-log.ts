import type { Timers } from '../../base/time.ts';
import { ratePerMinute, TokenBucket } from '../../base/waiting/token-bucket.ts';

const rate = ratePerMinute(20);
/** Kinds that are told apart; the one that was made first is forgotten first. */
const kindsMax = 8_192;

/** Room in the log for lines that peers cause: so many a minute of each kind, however often they call. */
export class SparseLog {
  readonly #timers: Pick<Timers, 'monotonicMs'>;
  readonly #kinds = new Map<string, { readonly room: TokenBucket; unlogged: number }>();

  constructor(timers: Pick<Timers, 'monotonicMs'>) {
    this.#timers = timers;
  }

  /** Calls `write` where there is room for a line of this kind, with how many had none since the last one. */
  line(kind: string, write: (since: Readonly<{ unlogged?: number }>) => void): void {
    const nowMs = this.#timers.monotonicMs();
    const known = this.#kinds.get(kind) ?? { room: new TokenBucket(rate, nowMs), unlogged: 0 };
    this.#kinds.set(kind, known);
    if (this.#kinds.size > kindsMax) this.#kinds.delete(this.#kinds.keys().next().value as string);
    if (known.room.take(nowMs) > 0) {
      known.unlogged += 1;
      return;
    }
    const { unlogged } = known;
    known.unlogged = 0;
    write(unlogged > 0 ? { unlogged } : {});
  }
}
