import { Turns } from '../../base/waiting/turns.ts';

/** Where a chain of signed entries ends: how many there are, and the digest of the last. Sequence 0 has no digest. */
export type ChainEnd<Digest extends string> = Readonly<{ sequence: number; digest: Digest | null }>;

/**
 * The end of a chain that one writer extends, as it is on disk: one write at a time, and one that fails leaves the end where it
 * was, so that the next goes on from there. Evidence and the rotation log both stand on it.
 */
export class ChainWriter<Digest extends string> {
  #end: ChainEnd<Digest>;
  readonly #writing = new Turns();

  constructor(end: ChainEnd<Digest>) {
    this.#end = end;
  }

  /** Never ahead of the disk. */
  get end(): ChainEnd<Digest> {
    return this.#end;
  }

  /**
   * Runs `write` when those before it have ended, whatever became of them. It calls `reached` as soon as what it wrote is on disk; what
   * it rejects with after that is the caller's, and the end has moved.
   */
  extend<T>(write: (end: ChainEnd<Digest>, reached: (end: ChainEnd<Digest>) => void) => Promise<T>): Promise<T> {
    return this.#writing.take(() =>
      write(this.#end, (end) => {
        this.#end = end;
      }),
    );
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing.settled();
  }
}
