import { createHash } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { boxContentKey, boxedKeyBytes, unboxContentKey } from './box.ts';
import { newRoundKeyPair } from './keys.ts';

const round = newRoundKeyPair();
const ephemeral = newRoundKeyPair();
const contentKey = new Uint8Array(32).fill(5);
const boxed = boxContentKey(contentKey, round.publicKey, ephemeral);

describe('boxContentKey', () => {
  it('makes 48 bytes that only the round key opens', () => {
    expect(boxed).toHaveLength(boxedKeyBytes);
    expect(unboxContentKey(boxed, ephemeral.publicKey, round)).toEqual(contentKey);
    expect(unboxContentKey(boxed, ephemeral.publicKey, newRoundKeyPair())).toBeUndefined();
    expect(unboxContentKey(boxed, newRoundKeyPair().publicKey, round)).toBeUndefined();
  });

  it("makes tweetnacl's own box", () => {
    const key = nacl.box.before(round.publicKey, ephemeral.secretKey);
    const nonce = createHash('sha512').update('testudo/v1/box').update(ephemeral.publicKey).update(round.publicKey);
    expect(boxed).toEqual(nacl.box.after(contentKey, nonce.digest().subarray(0, 24), key));
  });

  it('gives nothing when a bit of the box differs', () => {
    fc.assert(
      fc.property(fc.nat(boxedKeyBytes - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const changed = boxed.slice();
        changed[at] = (changed[at] as number) ^ mask;
        expect(unboxContentKey(changed, ephemeral.publicKey, round)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
