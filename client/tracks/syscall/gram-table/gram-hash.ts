import { padId } from '../../../events/vocabulary.ts';

/** Grams of 1 … `gramLengthMax` calls are counted; a context has one call less. */
export const gramLengthMax = 7;

/**
 * Walks a trace and names, at each call, the hashed slots of the grams that end there: slots[length] for lengths 1 up to
 * `longest`, and slots[0] for the class alone. The first call's grams may begin with one padding, which marks the start.
 * Grams of different classes do not share slots but by chance. slotCount: a power of two.
 */
export function walkGrams(
  calls: Uint16Array,
  classId: number,
  slotCount: number,
  visit: (place: number, slots: Uint32Array, contextSlots: Uint32Array, longest: number) => void,
): void {
  const mask = slotCount - 1;
  let slots = new Uint32Array(gramLengthMax + 1);
  let previous = new Uint32Array(gramLengthMax + 1);
  const classHash = mix(Math.imul(classId + 1, 0x9e3779b1));
  slots[0] = previous[0] = classHash & mask;
  // What precedes the first call is one padding: the contexts of the first call.
  previous[1] = mix(step(classHash, padId)) & mask;
  for (let place = 0; place < calls.length; place++) {
    const longest = Math.min(gramLengthMax, place + 2);
    let hash = classHash;
    for (let length = 1; length <= longest; length++) {
      hash = step(hash, calls[place - length + 1] ?? padId);
      slots[length] = mix(hash) & mask;
    }
    visit(place, slots, previous, longest);
    [slots, previous] = [previous, slots];
    slots[0] = previous[0] as number;
  }
}

function step(hash: number, call: number): number {
  return Math.imul(hash ^ (call + 0x7f4a), 0x5bd1e995) ^ (hash >>> 15);
}

/** MurmurHash3's finaliser: every bit of the hash decides the slot. */
function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
