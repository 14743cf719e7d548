import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestBytes, digestFromBytes, digestOf } from './digest.ts';
import { isDigest } from './ids.ts';

describe('digest', () => {
  it('is SHA-256: the vectors of FIPS 180-4', () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(digestOf(new Uint8Array())).toBe(`sha256:${empty}`);
    expect(digestOf(Buffer.from('abc'))).toBe(`sha256:${abc}`);
  });

  it('reads back from its text to its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = digestFromBytes(bytes);
        expect(isDigest(digest)).toBe(true);
        expect(digestBytes(digest)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('takes a view for what it shows, not for what lies around it', () => {
    const bytes = Buffer.from('xxabcxx');
    expect(digestOf(bytes.subarray(2, 5))).toBe(digestOf(Buffer.from('abc')));
  });

  it.each([0, 31, 33])('refuses %i bytes as a SHA-256', (length) => {
    expect(() => digestFromBytes(new Uint8Array(length))).toThrow(/expected 32 bytes/);
  });
});
