import type { Timers } from '../../base/time.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { State } from '../ledger/state/state.ts';
import { digestsNamedIn } from './orphans.ts';

/** Ended rounds of a track whose sealed updates are kept, as evidence: nobody can open them, but by keys kept for that. */
const sealedRoundsKept = 1;

/** How often a store that removes late is asked to do so. */
const everyMs = 3_600_000;

/** Removes the sealed updates of rounds that ended longer ago. `swept` remembers which were done in this run. */
export async function sweepSealed(state: State, blobs: BlobStore, swept: Set<string>): Promise<void> {
  for (const { track, rounds } of state.tracks.values()) {
    const ended = [...rounds.values()].filter(({ phase }) => phase.kind === 'candidate' || phase.kind === 'abandoned');
    for (const { round, phase, inputKeys } of ended.slice(0, -sealedRoundsKept)) {
      const name = `${track}/${round}`;
      if (swept.has(name) || !('accepted' in phase) || inputKeys?.destroyedAtMs === null) continue;
      swept.add(name);
      for (const { payloadDigest } of phase.accepted) await blobs.remove(payloadDigest);
    }
  }
}

type StoreSweepParts = Readonly<{
  ledger: Pick<Ledger, 'state' | 'saveSnapshot'>;
  blobs: Pick<BlobStore, 'sweep'>;
  timers: Timers;
  trouble: (code: string, message: string) => void;
}>;

/**
 * Has a store that removes late carry out, every hour, what was asked for and may go by now. Each time the ledger's snapshot is
 * saved before: a write in this coordinator's epoch, refused where another has followed it.
 */
export class StoreSweep {
  readonly #parts: StoreSweepParts;
  #isRunning = false;
  #lastMs: number;

  constructor(parts: StoreSweepParts) {
    this.#parts = parts;
    this.#lastMs = parts.timers.monotonicMs();
  }

  /** Begins a sweep where one is due. Nobody waits for it: a store that is slow must hold up nothing. */
  nowAndThen(): void {
    const { blobs, timers, trouble } = this.#parts;
    if (blobs.sweep === undefined || this.#isRunning || timers.monotonicMs() - this.#lastMs < everyMs) return;
    this.#isRunning = true;
    this.#lastMs = timers.monotonicMs();
    void blobs
      .sweep(() => this.#prove())
      .catch((error: unknown) => trouble('EFFECT_FAILED', `sweep of the store: ${String(error)}`))
      .finally(() => {
        this.#isRunning = false;
      });
  }

  async #prove(): Promise<ReadonlySet<string> | undefined> {
    const { ledger } = this.#parts;
    const saved = await ledger.saveSnapshot();
    return saved.ok && saved.value > 0 ? digestsNamedIn(ledger.state) : undefined;
  }
}
