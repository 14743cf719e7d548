/** What arrays and growing lists have in common. */
export type ListOf<Value> = Iterable<Value> &
  Readonly<{
    length: number;
    at(index: number): Value | undefined;
    map<Other>(change: (value: Value, index: number) => Other): Other[];
    filter(keep: (value: Value, index: number) => boolean): Value[];
  }>;

/**
 * A list that never changes, and from which a longer one is made in constant time: both read the same values, which are only ever
 * added to, each as far as its own length. The second that goes on from one place otherwise than the first did takes a copy.
 * Written as JSON it is an array, and it is read back as one.
 */
export class GrowingList<Value> implements ListOf<Value> {
  readonly length: number;
  readonly #shared: Value[];

  private constructor(shared: Value[], length: number) {
    this.#shared = shared;
    this.length = length;
  }

  /** This list's values, then those of lists that went on from it: the same object for each of them. */
  get shared(): readonly Value[] {
    return this.#shared;
  }

  static of<Value>(list: ListOf<Value>): GrowingList<Value> {
    return list instanceof GrowingList ? list : new GrowingList([...list], list.length);
  }

  /** `isSame`: what is decided first and folded later is added twice, and need not be kept twice. */
  with(value: Value, isSame: (one: Value, other: Value) => boolean = Object.is): GrowingList<Value> {
    const { length } = this;
    const shared = this.#shared;
    if (length === shared.length) shared.push(value);
    else if (!isSame(shared[length] as Value, value)) return new GrowingList([...this.toJSON(), value], length + 1);
    return new GrowingList(shared, length + 1);
  }

  at(index: number): Value | undefined {
    const place = index < 0 ? index + this.length : index;
    return place < this.length ? this.#shared[place] : undefined;
  }

  *[Symbol.iterator](): Iterator<Value> {
    for (let at = 0; at < this.length; at++) yield this.#shared[at] as Value;
  }

  map<Other>(change: (value: Value, index: number) => Other): Other[] {
    return this.toJSON().map(change);
  }

  filter(keep: (value: Value, index: number) => boolean): Value[] {
    return this.toJSON().filter(keep);
  }

  toJSON(): Value[] {
    return this.#shared.slice(0, this.length);
  }
}
