import { argumentClasses } from '../../../events/argument-class.ts';

/**
 * Rows of the language model's argument embedding. A class has the row that its name hashes to, and not its number, so
 * that a version with more classes reads the weights of an older one; today's classes all have rows of their own.
 */
export const argumentBucketCount = 256;

/** The row of calls whose source shows no arguments; nothing is predicted for them. */
export const unseenArguments = 0;

/** Row by argument class id. */
const buckets = Int32Array.from(argumentClasses, (name) => 1 + (fnv1a(name) % (argumentBucketCount - 1)));

/** The row of an argument class, 1 to `argumentBucketCount` - 1; `unseenArguments` for an id of another version. */
export function argumentBucket(argumentClass: number): number {
  return buckets[argumentClass] ?? unseenArguments;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
