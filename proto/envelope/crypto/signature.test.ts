import { createHash } from 'node:crypto';
import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import vectors from '../vectors.json' with { type: 'json' };
import { newSigningKeyPair, signingKeyPairOf } from './keys.ts';
import { signBytes, verifyBytes } from './signature.ts';

const pair = signingKeyPairOf(Buffer.from(vectors.signing.seed, 'hex'));
const sha512 = (bytes: Uint8Array) => new Uint8Array(createHash('sha512').update(bytes).digest());

describe('signBytes', () => {
  it('makes the signature that tweetnacl makes of the SHA-512', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
        const signature = signBytes(message, pair);
        expect(new Uint8Array(signature)).toEqual(nacl.sign.detached(sha512(message), pair.secretKey));
        expect(verifyBytes(message, signature, pair.publicKey)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });
});

describe('verifyBytes', () => {
  const message = Buffer.from('statement');
  const signature = signBytes(message, pair);

  it('refuses a bit flipped anywhere in message, signature or key', () => {
    const all = Buffer.concat([message, signature, pair.publicKey]);
    fc.assert(
      fc.property(fc.nat(all.byteLength - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const changed = Buffer.from(all);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const fault = verifyBytes(changed.subarray(0, 9), changed.subarray(9, 73), changed.subarray(73));
        expect(['SIGNATURE_INVALID', ...(at < 73 ? [] : ['KEY_INVALID'])]).toContain(fault?.code);
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses the second form of a signature, which tweetnacl lets through', () => {
    const header = Buffer.from(vectors.header.bytes, 'hex');
    const second = vectors.refused.headerSignatures.find(({ name }) => name.startsWith('S + L'))?.signature as string;
    const bytes = new Uint8Array(Buffer.from(second, 'hex'));
    expect(nacl.sign.detached.verify(sha512(header), bytes, pair.publicKey)).toBe(true);
    expect(verifyBytes(header, bytes, pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
  });

  it('refuses another key', () => {
    expect(verifyBytes(message, signature, newSigningKeyPair().publicKey)?.code).toBe('SIGNATURE_INVALID');
  });

  it('answers signatures and keys of any kind with a fault', () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true }), fc.anything({ withTypedArray: true }), (other, key) => {
        expect(verifyBytes(message, other as Uint8Array, pair.publicKey)?.code).toBe('SIGNATURE_INVALID');
        expect(verifyBytes(message, signature, key as Uint8Array)?.code).toBe('KEY_INVALID');
      }),
      { numRuns: 2_000 },
    );
  });
});
