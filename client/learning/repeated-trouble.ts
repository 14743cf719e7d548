/**
 * What goes wrong again and again, such as writing to a disk that is full: worth a line when it begins, one a minute while it lasts,
 * and one when it is over. A line for each time would fill what is left of that disk.
 */
export class RepeatedTrouble {
  readonly #everyMs: number;
  readonly #since = new Map<string, { code: string; saidAtMs: number; unsaid: number }>();

  constructor(everyMs = 60_000) {
    this.#everyMs = everyMs;
  }

  /** It went wrong once more, for `count` things: how many there were since it was last said, where it is to be said now. */
  again(key: string, code: string, count: number, nowMs: number): number | undefined {
    const known = this.#since.get(key);
    const unsaid = (known?.code === code ? known.unsaid : 0) + count;
    const isDue = known === undefined || known.code !== code || nowMs - known.saidAtMs >= this.#everyMs;
    this.#since.set(key, { code, saidAtMs: isDue ? nowMs : known.saidAtMs, unsaid: isDue ? 0 : unsaid });
    return isDue ? unsaid : undefined;
  }

  /** It went well: how many things are not said yet of trouble that is over; undefined where there was none. */
  over(key: string): number | undefined {
    const known = this.#since.get(key);
    this.#since.delete(key);
    return known?.unsaid;
  }
}
