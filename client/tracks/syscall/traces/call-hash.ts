import { mixBits } from '../../mix-bits.ts';

/** What runs of calls of a class begin with: those of different classes share a slot by chance only. */
export function classHash(classId: number): number {
  return mixBits(Math.imul(classId + 1, 0x9e3779b1));
}

/** The hash of a run of calls, one call longer to the past; `mixBits` makes a slot of it. */
export function step(hash: number, call: number): number {
  return Math.imul(hash ^ (call + 0x7f4a), 0x5bd1e995) ^ (hash >>> 15);
}
