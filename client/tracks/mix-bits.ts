/**
 * MurmurHash3's finaliser (Appleby, fmix32): every bit of a hash decides every other, so that any of them can choose a slot.
 * Unsigned 32 bits. Slots are stored with models: these bits are for ever.
 */
export function mixBits(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
