import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBulk, sealBulk } from './bulk.ts';

const key = Buffer.from(Array.from({ length: 32 }, (_, n) => 0x80 + n)); // The key of RFC 8439, section 2.8.2.
const nonce = Buffer.from('070000004041424344454647', 'hex');

describe('sealBulk', () => {
  it('encrypts as in RFC 8439, section 2.8.2', () => {
    const text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    const { cipher, tag } = sealBulk(key, nonce, Buffer.from(text));
    expect(cipher.toString('hex')).toBe(
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b29' +
        '05d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b' +
        '6116',
    );
    expect(tag).toHaveLength(16); // The RFC's tag covers associated data, which we have none of.
    expect(openBulk(key, nonce, cipher, tag)?.toString()).toBe(text);
  });

  it('gives a buffer that owns its memory, so that it can be released', () => {
    const { cipher } = sealBulk(key, nonce, Buffer.alloc(4));
    expect(cipher.buffer.byteLength).toBe(cipher.byteLength);
  });
});

describe('openBulk', () => {
  it('gives nothing when a bit of key, nonce, ciphertext or tag differs', () => {
    const { cipher, tag } = sealBulk(key, nonce, Buffer.alloc(40, 1));
    const all = Buffer.concat([key, nonce, cipher, tag]);
    fc.assert(
      fc.property(fc.nat(all.byteLength - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
        const changed = Buffer.from(all);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const [k, n, c, t] = [
          changed.subarray(0, 32),
          changed.subarray(32, 44),
          changed.subarray(44, 84),
          changed.subarray(84),
        ];
        expect(openBulk(k, n, c, t)).toBeUndefined();
      }),
      { numRuns: 3_000 },
    );
  });
});
