import { hash } from 'node:crypto';

/** SHA-256, in bytes. */
export const hashBytes = 32;

/** RFC 6962 2.1: the tree of no entries. */
export const emptyRoot: Uint8Array = sha256(new Uint8Array());

/** RFC 6962 2.1: what stands for an entry. The leading zero keeps leaves and nodes apart. */
export function leafHash(entry: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(1 + entry.byteLength);
  preimage.set(entry, 1);
  return sha256(preimage);
}

/** RFC 6962 2.1: what stands for two subtrees. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const preimage = new Uint8Array(1 + 2 * hashBytes);
  preimage[0] = 1;
  preimage.set(left, 1);
  preimage.set(right, 1 + hashBytes);
  return sha256(preimage);
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * A Merkle tree (RFC 6962 2.1) that grows, of which only the roots of its complete subtrees are kept: one for each bit that is
 * set in its size, the largest first. An entry more costs one hash of its own and one more on average.
 */
export class Frontier {
  #size: number;
  readonly #roots: Uint8Array[];

  private constructor(size: number, roots: Uint8Array[]) {
    this.#size = size;
    this.#roots = roots;
  }

  static empty(): Frontier {
    return new Frontier(0, []);
  }

  /** The tree whose `roots` were kept; undefined where they are not as many as a tree of this size has, or none. */
  static from(size: number, roots: readonly Uint8Array[]): Frontier | undefined {
    if (!Number.isSafeInteger(size) || size < 0 || roots.length !== bitsSet(size)) return undefined;
    if (roots.some(({ byteLength }) => byteLength !== hashBytes)) return undefined;
    return new Frontier(size, [...roots]);
  }

  /** How many entries it has. */
  get size(): number {
    return this.#size;
  }

  get roots(): readonly Uint8Array[] {
    return this.#roots;
  }

  /** Takes the leaf hash of the next entry in. */
  push(leaf: Uint8Array): void {
    let joined = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      joined = nodeHash(this.#roots.pop() as Uint8Array, joined);
    }
    this.#roots.push(joined);
    this.#size++;
  }

  /** The tree's head. */
  root(): Uint8Array {
    return this.#roots.length === 0 ? emptyRoot : this.#roots.reduceRight((right, left) => nodeHash(left, right));
  }
}

function bitsSet(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}
