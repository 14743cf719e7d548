import { padId } from '../../../events/vocabulary.ts';

/** What grams of a class begin with: grams and pairs of different classes do not share slots but by chance. */
export function classHash(classId: number): number {
  return mix(Math.imul(classId + 1, 0x9e3779b1));
}

/** The hash of a gram, one call longer to the past; `mix` makes a slot of it. */
export function step(hash: number, call: number): number {
  return Math.imul(hash ^ (call + 0x7f4a), 0x5bd1e995) ^ (hash >>> 15);
}

/** MurmurHash3's finaliser: every bit of the hash decides the slot. */
export function mix(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** The slot of an unordered pair of different calls. slotCount: a power of two. */
export function pairSlot(ofClass: number, one: number, other: number, slotCount: number): number {
  const [low, high] = one < other ? [one, other] : [other, one];
  return mix(step(step(ofClass, low), high)) & (slotCount - 1);
}

/** Whether a gram of this length may end at a place: the first may begin with one padding, which marks the start. */
export function longestAt(place: number, orderMax: number): number {
  return Math.min(orderMax, place + 2);
}

export function callAt(calls: Uint16Array, place: number): number {
  return place < 0 ? padId : (calls[place] as number);
}
