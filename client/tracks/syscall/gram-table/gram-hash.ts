import { padId } from '../../../events/vocabulary.ts';
import { mixBits } from '../../mix-bits.ts';
import { classHash, step } from '../traces/call-hash.ts';

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
  const ofClass = classHash(classId);
  slots[0] = previous[0] = ofClass & mask;
  // What precedes the first call is one padding: the contexts of the first call.
  previous[1] = mixBits(step(ofClass, padId)) & mask;
  for (let place = 0; place < calls.length; place++) {
    const longest = Math.min(gramLengthMax, place + 2);
    let hash = ofClass;
    for (let length = 1; length <= longest; length++) {
      hash = step(hash, calls[place - length + 1] ?? padId);
      slots[length] = mixBits(hash) & mask;
    }
    visit(place, slots, previous, longest);
    [slots, previous] = [previous, slots];
    slots[0] = previous[0] as number;
  }
}
