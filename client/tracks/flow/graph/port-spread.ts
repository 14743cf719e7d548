type Pair = { edges: number; spread: PortSet | undefined };

/** How many pairs' folded ports are counted exactly; each takes 8 KiB. */
const exactMax = 256;

/**
 * How many served ports each pair of nodes uses. A pair that passes `portsMax` has its further ports counted together:
 * a scan of 65,535 ports is one edge more, and is told as what it is.
 */
export class PortSpread {
  readonly #portsMax: number;
  readonly #pairs = new Map<number, Pair>();
  #exact = 0;

  constructor(portsMax: number) {
    this.#portsMax = portsMax;
  }

  /** Whether a new port of this pair is to be folded. */
  isFull(pair: number): boolean {
    return (this.#pairs.get(pair)?.edges ?? 0) >= this.#portsMax;
  }

  /** Notes a folded port; returns how many different ones the pair has had, those with edges of their own included. */
  fold(pair: number, port: number): number {
    const entry = this.#entry(pair);
    if (entry.spread === undefined && this.#exact < exactMax) {
      entry.spread = new PortSet();
      this.#exact += 1;
    }
    entry.spread?.add(port);
    return this.#portsMax + (entry.spread?.size ?? 1);
  }

  addEdge(pair: number): void {
    this.#entry(pair).edges += 1;
  }

  removeEdge(pair: number): void {
    const entry = this.#entry(pair);
    entry.edges -= 1;
    if (entry.edges > 0) return;
    if (entry.spread !== undefined) this.#exact -= 1;
    this.#pairs.delete(pair);
  }

  #entry(pair: number): Pair {
    let entry = this.#pairs.get(pair);
    if (entry === undefined) {
      entry = { edges: 0, spread: undefined };
      this.#pairs.set(pair, entry);
    }
    return entry;
  }
}

class PortSet {
  readonly #bits = new Uint8Array(8_192);
  size = 0;

  add(port: number): void {
    const [at, bit] = [port >> 3, 1 << (port & 7)];
    if (((this.#bits[at] as number) & bit) !== 0) return;
    this.#bits[at] = (this.#bits[at] as number) | bit;
    this.size += 1;
  }
}
