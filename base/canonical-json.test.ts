import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalBytes, canonicalJson, type JsonValue } from './canonical-json.ts';

const bad = (value: unknown) => () => canonicalJson(value as JsonValue);
const wellFormed = fc.string({ unit: 'grapheme', maxLength: 20 });
const json = fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 4 }) as fc.Arbitrary<JsonValue>;

describe('canonicalJson', () => {
  it('writes the example of RFC 8785, section 3.2.3', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, as in RFC 8785, section 3.2.3', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(Object.keys(JSON.parse(canonicalJson(value))).length).toBe(7);
    expect(canonicalJson(value)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });

  it('reads back as what was written', () => {
    fc.assert(
      fc.property(json, (value) => {
        // Through JSON once: -0 is written as 0 there too.
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 3_000 },
    );
  });

  it('gives the same bytes whatever order the members came in', () => {
    fc.assert(
      fc.property(fc.dictionary(wellFormed, json, { maxKeys: 12 }), fc.integer(), (value, seed) => {
        const entries = Object.entries(value);
        const turned = entries.map((_, n) => entries[(n + Math.abs(seed)) % entries.length] as [string, JsonValue]);
        expect(canonicalBytes(Object.fromEntries(turned))).toEqual(canonicalBytes(value));
        expect(canonicalBytes(Object.fromEntries(entries.reverse()))).toEqual(canonicalBytes(value));
      }),
      { numRuns: 200 },
    );
  });

  it('gives different texts for different values', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  it('leaves out members that are undefined and keeps a member named __proto__', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1},"a":2}'))).toBe('{"__proto__":{"x":1},"a":2}');
    expect(canonicalJson(Object.assign(Object.create(null), { z: 1 }))).toBe('{"z":1}');
  });

  it.each([
    ['NaN', [Number.NaN], /\$\[0\] is NaN/],
    ['infinity', { a: Number.POSITIVE_INFINITY }, /\$\.a is Infinity/],
    ['a bigint', { a: 1n }, /\$\.a is bigint/],
    ['undefined in an array', [1, undefined], /\$\[1\] is undefined/],
    // biome-ignore lint/suspicious/noSparseArray: the hole is the case.
    ['a hole in an array', [1, , 2], /\$\[1\] is undefined/],
    ['undefined itself', undefined, /\$ is undefined/],
    ['a function', { f: () => 1 }, /\$\.f is function/],
    [
      'what lies deep',
      { a: [1, { b: 2 }, { c: [[], [3, { d: Number.NaN }]] }], z: 0 },
      /\$\.a\[2\]\.c\[1\]\[1\]\.d is NaN/,
    ],
    ['a symbol', [Symbol('s')], /is symbol/],
    ['a Map', { m: new Map() }, /\$\.m is a Map/],
    ['a Date', new Date(0), /is a Date/],
    ['a typed array', new Float32Array(2), /is a Float32Array/],
    ['half a surrogate pair', ['\ud800'], /surrogate/],
    ['half a surrogate pair in a key', { '\udc00': 1 }, /surrogate/],
  ])('refuses %s rather than write something else', (_, value, message) => {
    expect(bad(value)).toThrow(message);
    expect(bad(value)).toThrow(RangeError);
  });

  it('refuses a cycle and deep nesting before the stack ends', () => {
    const cycle: Record<string, unknown> = {};
    cycle.again = cycle;
    expect(bad(cycle)).toThrow(/deeper than 64/);
    const deep = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect(bad(deep(66))).toThrow(/deeper than 64/);
    expect(canonicalJson(deep(65))).toHaveLength(130);
    expect(bad(deep(5_000))).toThrow(/deeper than 64/);
    expect(bad(JSON.parse(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`))).toThrow(/deeper than 64/);
  });
});

/** A slow twin's idea of sameness: members in the order of their keys. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, member]) => [key, sorted(member)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, member]) => ['key', key, member])
    .concat('object');
}
