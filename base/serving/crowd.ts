import { Line } from './line.ts';

/**
 * Open connections of one listener by the network that they come from (network.ts), oldest first. Where the oldest of the network
 * that has most gives way, whoever crowds a listener crowds out himself alone.
 */
export class Crowd<Connection> {
  readonly #of = new Map<string, Line<Connection>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  sizeOf(network: string): number {
    return this.#of.get(network)?.size ?? 0;
  }

  add(network: string, connection: Connection): void {
    const own = this.#of.get(network) ?? new Line();
    own.add(connection);
    this.#of.set(network, own);
    this.#size += 1;
  }

  /** May be called twice. */
  delete(network: string, connection: Connection): void {
    const own = this.#of.get(network);
    if (own?.delete(connection) !== true) return;
    this.#size -= 1;
    if (own.size === 0) this.#of.delete(network);
  }

  /** Takes out the newest of the network whose turn it is: networks take turns, whatever each of them has. */
  takeNewestInTurn(): Connection | undefined {
    for (const [network, own] of this.#of) {
      const newest = own.newest as Connection; // A network that nobody is left of is not kept.
      this.delete(network, newest);
      if (own.size > 0) {
        this.#of.delete(network); // To the end.
        this.#of.set(network, own);
      }
      return newest;
    }
    return undefined;
  }

  /** The oldest of the network that has most; undefined where there is none. */
  oldestOfMost(): Readonly<{ network: string; connection: Connection }> | undefined {
    let [most, network]: [Line<Connection> | undefined, string] = [undefined, ''];
    for (const [name, own] of this.#of) if (own.size > (most?.size ?? 0)) [most, network] = [own, name];
    return most && { network, connection: most.oldest as Connection };
  }

  *[Symbol.iterator](): Iterator<Connection> {
    for (const own of this.#of.values()) yield* own;
  }
}
