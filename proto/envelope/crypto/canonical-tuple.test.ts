import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTuple, type TupleField } from './canonical-tuple.ts';

const field: fc.Arbitrary<TupleField> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 4 }),
  fc.maxSafeNat(),
  fc.uint8Array({ maxLength: 9 }),
);
const tuple = fc.tuple(fc.constantFrom('a', 'ab', ''), fc.array(field, { maxLength: 4 }));

const bytesOf = (value: TupleField) => {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  return typeof value === 'number' ? value.toString(16).padStart(16, '0') : Buffer.from(value).toString('hex');
};

describe('canonicalTuple', () => {
  it('is each part as its length and its bytes', () => {
    expect(canonicalTuple('t', ['é', 258, Uint8Array.of(9), '']).toString('hex')).toBe(
      ['00000001', '74', '00000002', 'c3a9', '00000008', '0000000000000102', '00000001', '09', '00000000'].join(''),
    );
  });

  it('has equal bytes only for equal tags, field counts and fields', () => {
    fc.assert(
      fc.property(tuple, tuple, ([tagA, a], [tagB, b]) => {
        const same = JSON.stringify([tagA, a.map(bytesOf)]) === JSON.stringify([tagB, b.map(bytesOf)]);
        expect(canonicalTuple(tagA, a).equals(canonicalTuple(tagB, b))).toBe(same);
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not let a field lend bytes to its neighbour', () => {
    expect(canonicalTuple('t', ['ab', 'c'])).not.toEqual(canonicalTuple('t', ['a', 'bc']));
    expect(canonicalTuple('t', ['a'])).not.toEqual(canonicalTuple('t', ['a', '']));
    expect(canonicalTuple('ta', ['b'])).not.toEqual(canonicalTuple('t', ['ab']));
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('throws on the number %s', (number) => {
    expect(() => canonicalTuple('t', [number])).toThrow(RangeError);
  });

  it('throws on a text that UTF-8 cannot say', () => {
    expect(() => canonicalTuple('t', ['\ud800'])).toThrow(RangeError);
  });
});
