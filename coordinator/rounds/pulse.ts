import { Beat } from '../../base/beat.ts';
import { failpoint } from '../../base/failpoint.ts';
import type { Timer, Timers } from '../../base/time.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Waker } from '../queue/waker.ts';
import { alarmsOf } from './due.ts';
import type { RoundKeeper } from './keeper.ts';
import type { KeptInputs } from './kept-inputs.ts';
import type { PayloadHolds } from './payload-holds.ts';
import { StoreSweep, sweepSealed } from './sweep.ts';

const stillDueMs = 1_000;
/** What an entry takes in the journal; most are accepted updates. */
const charactersOfEntry = 800;

export type PulseParts = Readonly<{
  ledger: Ledger;
  keeper: RoundKeeper;
  inputs: KeptInputs;
  blobs: BlobStore;
  holds: PayloadHolds;
  waker: Waker;
  timers: Timers;
  watchdogMs: number;
  snapshotEvery: number;
  trouble: (code: string, message: string) => void;
}>;

/**
 * Beats when something may be due: on every wake, at the next alarm, and every `watchdogMs` whatever queues and timers
 * do. One beat at a time; a wake during one makes another follow.
 */
export class Pulse {
  readonly #parts: PulseParts;
  /** What else is done at every beat. */
  readonly #also: () => void;
  readonly #watchdog: Timer;
  readonly #sweptRounds = new Set<string>();
  readonly #storeSweep: StoreSweep;
  readonly #beat: Beat;
  #snapshotSeq: number;
  /** Characters of the last snapshot of this run. */
  #snapshotLength = 0;

  constructor(parts: PulseParts, also: () => void) {
    this.#parts = parts;
    this.#also = also;
    this.#snapshotSeq = parts.ledger.state.seq;
    this.#storeSweep = new StoreSweep(parts);
    this.#beat = new Beat({
      work: () => this.#work(),
      failed: (error) => parts.trouble('TICK_FAILED', String(error)),
      timers: parts.timers,
    });
    this.#watchdog = parts.timers.every(parts.watchdogMs, () => this.wake(), { background: true });
  }

  wake(): void {
    this.#beat.wake();
  }

  /** Resolves when the last beat is over. */
  async stop(): Promise<void> {
    const stopped = this.#beat.stop();
    this.#parts.timers.cancel(this.#watchdog);
    await this.#parts.waker.close();
    await stopped;
  }

  /** The waker, which other processes hear too, knows when to beat again. */
  async #work(): Promise<void> {
    const { keeper, ledger, inputs, blobs, holds, waker, timers } = this.#parts;
    const startedAtMs = timers.now();
    const retryAtMs = await keeper.tick();
    this.#also();
    const { nextMs, schedules } = alarmsOf(ledger.state, timers.now());
    // What was due before this beat and still is failed, and is tried again when that may be, or waits for something else.
    const isStillDue = nextMs !== null && nextMs <= startedAtMs;
    const dueMs = isStillDue ? (retryAtMs ?? timers.now() + stillDueMs) : nextMs;
    const soonest = [dueMs, retryAtMs].filter((atMs) => atMs !== null);
    waker.set({ nextMs: soonest.length === 0 ? null : Math.min(...soonest), schedules });
    await this.#snapshotNowAndThen();
    await inputs.sweep();
    await sweepSealed(ledger, blobs, holds, this.#sweptRounds);
    this.#storeSweep.nowAndThen();
  }

  async #snapshotNowAndThen(): Promise<void> {
    const { ledger, trouble, snapshotEvery } = this.#parts;
    // A snapshot that is larger than what it spares a start would cost more than it brings.
    const wanted = Math.max(snapshotEvery, this.#snapshotLength / charactersOfEntry);
    if (ledger.state.seq - this.#snapshotSeq < wanted) return;
    this.#snapshotSeq = ledger.state.seq;
    const saved = await ledger.saveSnapshot();
    failpoint('snapshot-saved');
    if (saved.ok) this.#snapshotLength = saved.value || this.#snapshotLength;
    else trouble(saved.fault.code, saved.fault.message);
  }
}
