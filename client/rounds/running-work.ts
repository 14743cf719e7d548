/** Work that goes on by itself and that whoever started it waits for before it closes. */
export class RunningWork {
  readonly #running = new Set<Promise<unknown>>();

  /** A rejection is a broken invariant: it takes the process down, loudly. */
  add(work: Promise<unknown>): void {
    this.#running.add(work);
    const done = () => this.#running.delete(work);
    work.then(done, (error) => {
      done();
      queueMicrotask(() => {
        throw error;
      });
    });
  }

  /** Resolves once all of it has ended, what was added meanwhile too. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
