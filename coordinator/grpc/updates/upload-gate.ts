import { type Result, refuse } from '../../../base/fault.ts';
import { type ConcurrencyCaps, ConcurrencyLimit, type Leave } from '../../access/concurrency-limit.ts';

export type UploadCaps = ConcurrencyCaps &
  Readonly<{
    /** Different payloads that one peer may begin in one round: what it leaves unfinished lies on our disk. */
    attemptsMax: number;
  }>;

/**
 * Bounds what uploads cost: streams at once (each holds a few messages in memory; those that wait are unread, held back
 * by their flow control), streams per peer, and unfinished payloads per peer and round.
 */
export class UploadGate {
  readonly #attemptsMax: number;
  readonly #limit: ConcurrencyLimit<'UPLOADS_BUSY'>;
  readonly #attempts = new Map<string, Map<string, Set<string>>>();

  constructor({ attemptsMax, ...caps }: UploadCaps) {
    this.#attemptsMax = attemptsMax;
    this.#limit = new ConcurrencyLimit('UPLOADS_BUSY', caps);
  }

  /** Waits for a turn. The caller calls what it gets exactly once. */
  async enter(
    upload: Readonly<{ peer: string; round: string; payload: string }>,
    signal: AbortSignal,
  ): Promise<Result<Leave, 'UPLOADS_BUSY' | 'CALL_CANCELLED'>> {
    if (!this.#begin(upload)) {
      return refuse('UPLOADS_BUSY', `${upload.peer} began more than ${this.#attemptsMax} payloads in this round`);
    }
    return this.#limit.enter(upload.peer, signal);
  }

  /** A round is over: what its peers began no longer counts. */
  forgetRound(round: string): void {
    this.#attempts.delete(round);
  }

  #begin({ peer, round, payload }: Readonly<{ peer: string; round: string; payload: string }>): boolean {
    const ofRound = this.#attempts.get(round) ?? new Map<string, Set<string>>();
    this.#attempts.set(round, ofRound);
    const begun = ofRound.get(peer) ?? new Set();
    ofRound.set(peer, begun);
    if (!begun.has(payload) && begun.size >= this.#attemptsMax) return false;
    begun.add(payload);
    return true;
  }
}
