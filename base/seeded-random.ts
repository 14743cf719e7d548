import { createHash } from 'node:crypto';

/** Uniform in [0, 1), a pure function of its arguments: 53 bits of SHA-256. For decisions that a restart must repeat. */
export function seededUnit(seed: number, purpose: string, index: number): number {
  const bytes = createHash('sha256').update(`${purpose}/${seed}/${index}`).digest();
  return (bytes.readUInt32BE(0) * 2 ** 21 + (bytes.readUInt32BE(4) >>> 11)) / 2 ** 53;
}

/**
 * A fast deterministic stream of numbers in [0, 1): sfc32 (Doty-Humphrey, PractRand), seeded through SHA-256. Not for
 * secrets and not for privacy noise.
 */
export function seededStream(seed: number, purpose: string): () => number {
  const bytes = createHash('sha256').update(`${purpose}/${seed}`).digest();
  let a = bytes.readUInt32LE(0);
  let b = bytes.readUInt32LE(4);
  let c = bytes.readUInt32LE(8);
  let counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warmUp = 0; warmUp < 15; warmUp += 1) next();
  return next;
}

/** Fisher and Yates, in place; the same order for the same stream. */
export function shuffle<Item>(items: Item[], unit: () => number): Item[] {
  for (let last = items.length - 1; last > 0; last -= 1) {
    const other = Math.floor(unit() * (last + 1));
    const moved = items[last] as Item;
    items[last] = items[other] as Item;
    items[other] = moved;
  }
  return items;
}
