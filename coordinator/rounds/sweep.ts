import type { Timers } from '../../base/time.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Round, State, Track } from '../ledger/state/state.ts';
import { hasPayload } from '../round/accepted-updates.ts';
import { digestsNamedIn } from './orphans.ts';
import type { PayloadHolds } from './payload-holds.ts';

/** Ended rounds of a track whose sealed updates are kept, as evidence: nobody can open them, but by keys kept for that. */
const sealedRoundsKept = 1;

/** How often a store that removes late is asked to do so. */
const everyMs = 3_600_000;

/**
 * Removes the sealed updates of rounds that ended longer ago, but for bytes that another round has accepted too: a cluster may send
 * again what was sent in an earlier one. `swept` remembers which were done in this run.
 */
export async function sweepSealed(
  ledger: Pick<Ledger, 'state' | 'tentative'>,
  blobs: Pick<BlobStore, 'remove'>,
  holds: PayloadHolds,
  swept: Set<string>,
): Promise<void> {
  for (const track of ledger.state.tracks.values()) {
    for (const { round, phase } of overIn(track)) {
      const name = `${track.track}/${round}`;
      if (swept.has(name) || !('accepted' in phase)) continue;
      swept.add(name);
      for (const { payloadDigest } of phase.accepted) {
        // What is on its way into the journal counts as well.
        await holds.remove(payloadDigest, blobs, () => isKept(ledger.tentative, payloadDigest));
      }
    }
  }
}

/** Rounds that keep their sealed updates no longer. */
function overIn({ rounds }: Pick<Track, 'rounds'>): readonly Round[] {
  const ended = [...rounds.values()].filter(({ phase }) => phase.kind === 'candidate' || phase.kind === 'abandoned');
  return ended.slice(0, -sealedRoundsKept).filter(({ inputKeys }) => inputKeys?.destroyedAtMs !== null);
}

function isKept({ tracks }: State, digest: Digest): boolean {
  for (const track of tracks.values()) {
    const over = new Set(overIn(track).map(({ round }) => round));
    for (const { round, phase } of track.rounds.values()) {
      if (!over.has(round) && 'accepted' in phase && hasPayload(phase.accepted, digest)) return true;
    }
  }
  return false;
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
