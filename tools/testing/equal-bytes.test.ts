import { describe, expect, it } from 'vitest';
import { sameBytes } from './equal-bytes.mjs';

describe('sameBytes', () => {
  it('says that arrays of one type and the same bytes are equal, wherever in their buffers they lie', () => {
    expect(sameBytes(Float32Array.of(1, Number.NaN), Float32Array.of(0, 1, Number.NaN).subarray(1))).toBe(true);
    expect(sameBytes(Buffer.from('abc'), Buffer.from('abc'))).toBe(true);
    expect(sameBytes(new BigInt64Array(0), new BigInt64Array(0))).toBe(true);
  });

  it('leaves all else to vitest: other bytes, lengths and types, and what is no typed array', () => {
    const others = [
      [Float32Array.of(0), Float32Array.of(-0)],
      [Uint8Array.of(1), Uint8Array.of(1, 0)],
      [Uint8Array.of(1), Int8Array.of(1)],
      [Uint8Array.of(97), Buffer.from('a')],
      [[1], [1]],
      ['a', 'a'],
    ];
    for (const [a, b] of others) expect(sameBytes(a, b)).toBeUndefined();
  });
});

describe('toEqual on typed arrays', () => {
  it('compares a million values without an entry for each, also deep in an object and by toStrictEqual', () => {
    const [a, b] = [new Float32Array(1_000_000).fill(7), new Float32Array(1_000_000).fill(7)];
    expect(a).toEqual(b);
    expect({ weights: [a] }).toEqual({ weights: [b] });
    expect([a]).toStrictEqual([b]);
    expect({ weights: a, more: 1 }).toMatchObject({ weights: b });
  });

  it('still tells apart what it always told apart', () => {
    const apart: [unknown, unknown][] = [
      [Float32Array.of(0), Float32Array.of(-0)],
      [Float32Array.of(1, 2), Float32Array.of(1, 3)],
      [Uint8Array.of(1), Uint16Array.of(1)],
      [Uint8Array.of(97), Buffer.from('a')],
      [{ bytes: Uint8Array.of(1) }, { bytes: Uint8Array.of(1, 2) }],
    ];
    for (const [a, b] of apart) expect(a).not.toEqual(b);
    const [quiet, other] = [new Float32Array(1), new Float32Array(1)];
    new Uint32Array(quiet.buffer)[0] = 0x7fc00000;
    new Uint32Array(other.buffer)[0] = 0x7fc00001; // Another NaN: the same value.
    expect(sameBytes(quiet, other)).toBeUndefined();
    expect(quiet).toEqual(other);
  });
});
