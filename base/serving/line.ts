type Place<Value> = { readonly value: Value; older: Place<Value> | undefined; newer: Place<Value> | undefined };

/** A set that knows both of its ends: what came first, and what came last, which a Set tells only by walking through all of it. */
export class Line<Value> {
  readonly #places = new Map<Value, Place<Value>>();
  #newest: Place<Value> | undefined;

  get size(): number {
    return this.#places.size;
  }

  get oldest(): Value | undefined {
    for (const value of this.#places.keys()) return value;
    return undefined;
  }

  get newest(): Value | undefined {
    return this.#newest?.value;
  }

  /** To the end of the line; one that stands in it stays where it is. */
  add(value: Value): void {
    if (this.#places.has(value)) return;
    const place = { value, older: this.#newest, newer: undefined };
    if (this.#newest !== undefined) this.#newest.newer = place;
    this.#newest = place;
    this.#places.set(value, place);
  }

  /** False for one that does not stand in it. */
  delete(value: Value): boolean {
    const place = this.#places.get(value);
    if (place === undefined) return false;
    if (place.older !== undefined) place.older.newer = place.newer;
    if (place.newer === undefined) this.#newest = place.older;
    else place.newer.older = place.older;
    return this.#places.delete(value);
  }

  [Symbol.iterator](): Iterator<Value> {
    return this.#places.keys();
  }
}
