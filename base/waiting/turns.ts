/** Work that is done one after another, each when all that was asked for before it has ended, whatever became of it. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `work` does. */
  take<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const taken = this.#last.then(work);
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  /** Resolves when all that was asked for so far has ended. */
  async settled(): Promise<void> {
    await this.#last;
  }
}
