import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok } from '../base/fault.ts';
import { formatJoinToken, parseJoinToken } from './join-token.ts';

const from = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
const tokens = fc.record({
  tokenId: from('abcz019', 1, 32),
  secret: from('ABZabz019-_', 20, 128),
  authorityFingerprint: from('0123456789abcdef', 64, 64),
});

describe('join token', () => {
  it('reads back what it wrote, with the white space of a pasted line around it', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        expect(parseJoinToken(` ${formatJoinToken(token)}\n`)).toEqual(ok(token));
      }),
    );
  });

  it('fits the 256 characters that the contract promises', () => {
    const longest = { tokenId: 'a'.repeat(32), secret: 'A'.repeat(128), authorityFingerprint: '0'.repeat(64) };
    expect(formatJoinToken(longest).length).toBeLessThanOrEqual(256);
  });

  it('refuses a cut or altered text without repeating the secret', () => {
    fc.assert(
      fc.property(tokens, fc.nat(), (token, at) => {
        const text = formatJoinToken(token);
        const cut = text.slice(0, at % text.length);
        const parsed = parseJoinToken(cut);
        expect(parsed.ok).toBe(false);
        if (!parsed.ok) expect(JSON.stringify(parsed)).not.toContain(token.secret);
      }),
    );
  });

  it('refuses to write a part outside its alphabet', () => {
    expect(() =>
      formatJoinToken({ tokenId: 'A', secret: 'x'.repeat(20), authorityFingerprint: '0'.repeat(64) }),
    ).toThrow(RangeError);
  });
});
