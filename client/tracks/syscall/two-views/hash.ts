import { padId } from '../../../events/vocabulary.ts';
import { mixBits } from '../../mix-bits.ts';
import { step } from '../traces/call-hash.ts';

/** The slot of an unordered pair of different calls. slotCount: a power of two. */
export function pairSlot(ofClass: number, one: number, other: number, slotCount: number): number {
  const [low, high] = one < other ? [one, other] : [other, one];
  return mixBits(step(step(ofClass, low), high)) & (slotCount - 1);
}

/** Whether a gram of this length may end at a place: the first may begin with one padding, which marks the start. */
export function longestAt(place: number, orderMax: number): number {
  return Math.min(orderMax, place + 2);
}

export function callAt(calls: Uint16Array, place: number): number {
  return place < 0 ? padId : (calls[place] as number);
}
