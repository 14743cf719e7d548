import type { Timer, Timers } from './time.ts';

export type BeatParts = Readonly<{
  /** Looks for what is due and does it. */
  work: () => Promise<void>;
  /** A look threw. Absent: none may, and one that does ends the process, loudly. */
  failed?: (error: unknown) => void;
  timers: Timers;
  /** The process may end while only a later wake is waited for. Default: it stays alive for it. */
  background?: boolean;
}>;

/**
 * Works when it is woken, at once or later. One look at a time, never within the call that wakes; a wake during a look
 * makes another follow, so that none is lost.
 */
export class Beat {
  readonly #parts: BeatParts;
  #beating: Promise<void> | undefined;
  #asked = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(parts: BeatParts) {
    this.#parts = parts;
  }

  /** May be called from within a look. Does nothing once it is stopped. */
  wake(): void {
    if (this.#stopped) return;
    this.#asked = true;
    this.#beating ??= this.#beatWhileAsked();
  }

  /** Wakes after `delayMs` unless a look begins before: that one may ask anew. The last to ask counts. */
  wakeIn(delayMs: number): void {
    const { timers, background = false } = this.#parts;
    timers.cancel(this.#timer);
    if (!this.#stopped) this.#timer = timers.after(delayMs, () => this.wake(), { background });
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Resolves when nobody asks for another look at present. */
  async settled(): Promise<void> {
    while (this.#beating !== undefined) await this.#beating;
  }

  /** No look begins from here on. Resolves when the last one is over. May be called twice. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.timers.cancel(this.#timer);
    return this.settled();
  }

  async #beatWhileAsked(): Promise<void> {
    const { work, failed, timers } = this.#parts;
    try {
      await undefined; // Whoever wakes has not finished what it is at.
      while (this.#asked && !this.#stopped) {
        this.#asked = false;
        timers.cancel(this.#timer);
        await (failed === undefined ? work() : work().catch(failed));
      }
    } finally {
      this.#beating = undefined; // In one turn with the last look at `#asked`: nobody can ask between the two.
    }
  }
}
