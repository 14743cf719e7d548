import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ids from './ids.ts';

const labels = [
  ['federation', ids.isFederationId, ids.parseFederationId],
  ['track', ids.isTrackId, ids.parseTrackId],
  ['cluster', ids.isClusterId, ids.parseClusterId],
] as const;

/** The grammar once more, character by character. */
function isLabel(text: string): boolean {
  const characters = [...text];
  const isEdge = (c: string | undefined) => c !== undefined && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
  return (
    text.length >= 1 &&
    text.length <= 63 &&
    characters.every((c) => c === '-' || isEdge(c)) &&
    isEdge(characters[0]) &&
    isEdge(characters.at(-1))
  );
}

const nearLabel = fc.string({ unit: fc.constantFrom(...'az09-AZ_./ \n\u0000é'), maxLength: 66 });

describe.each(labels)('%s id', (name, is, parse) => {
  it('is exactly what the stated grammar allows', () => {
    fc.assert(
      fc.property(fc.oneof(nearLabel, fc.string({ unit: fc.constantFrom(...'ab9-'), maxLength: 66 })), (text) => {
        expect(is(text)).toBe(isLabel(text));
        if (isLabel(text)) expect(parse(text)).toBe(text);
        else expect(() => parse(text)).toThrow(new RegExp(`^${name} id: expected 1 to 63 of a-z`));
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses what is not text, and does not repeat a long text', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        if (typeof value !== 'string') expect(is(value)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
    expect(() => parse('X'.repeat(1_000_000))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/s) }),
    );
  });
});

describe('round id', () => {
  it.each(['r-0', 'r-1', 'r-42', 'r-999999999999'])('accepts %s', (text) => {
    expect(ids.parseRoundId(text)).toBe(text);
  });

  it.each(['', 'r-', 'r-01', 'r--1', 'r-1.0', 'r-1e3', 'r-1000000000000', 'R-1', 'r-1\n', ' r-1', 'r-١'])(
    'refuses %j',
    (text) => {
      expect(ids.isRoundId(text)).toBe(false);
      expect(() => ids.parseRoundId(text)).toThrow(RangeError);
    },
  );
});

describe('digest', () => {
  const hex = '0123456789abcdef'.repeat(4);

  it('accepts sha256: and 64 lower-case hexadecimal digits', () => {
    expect(ids.parseDigest(`sha256:${hex}`)).toBe(`sha256:${hex}`);
  });

  it.each([
    hex,
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex}0`,
    `sha256:${hex.slice(1)}`,
    `sha512:${hex}`,
    `sha256:${hex}\n`,
  ])('refuses %j', (text) => {
    expect(ids.isDigest(text)).toBe(false);
  });
});
