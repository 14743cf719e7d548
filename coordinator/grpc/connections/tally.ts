/** How many of something each peer has. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(peer: string): number {
    return this.#counts.get(peer) ?? 0;
  }

  add(peer: string): void {
    this.#counts.set(peer, this.of(peer) + 1);
  }

  remove(peer: string): void {
    const left = this.of(peer) - 1;
    if (left > 0) this.#counts.set(peer, left);
    else this.#counts.delete(peer);
  }
}
