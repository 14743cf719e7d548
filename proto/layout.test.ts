import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { bytesOfValues, findNonFinite, flatten, layoutOf, tensorViews, valuesOfBytes } from './layout.ts';
import type { ModelSpec } from './model-spec.ts';

const spec: ModelSpec = {
  architecture: 'a/1',
  hyperparameters: {},
  tensors: [
    { name: 'w', shape: [2, 3] },
    { name: 'b', shape: [1] },
    { name: 'v', shape: [2, 1, 2] },
  ],
};
const layout = layoutOf(spec);
const counting = () => Float32Array.from({ length: layout.length }, (_, n) => n);

describe('layoutOf', () => {
  it('lays tensors one after another in the order of the spec', () => {
    expect(layout).toEqual({
      length: 11,
      slots: [
        { name: 'w', shape: [2, 3], offset: 0, length: 6 },
        { name: 'b', shape: [1], offset: 6, length: 1 },
        { name: 'v', shape: [2, 1, 2], offset: 7, length: 4 },
      ],
    });
  });
});

describe('tensorViews', () => {
  it('gives views: writing to a tensor writes to the flat vector', () => {
    const flat = counting();
    const views = unwrap(tensorViews(layout, flat));
    expect([...views.keys()]).toEqual(['w', 'b', 'v']);
    expect(views.get('v')).toEqual(Float32Array.of(7, 8, 9, 10));
    (views.get('b') as Float32Array)[0] = -1;
    expect(flat[6]).toBe(-1);
  });

  it.each([0, 10, 12])('refuses %i values', (length) => {
    expect(tensorViews(layout, new Float32Array(length))).toMatchObject({
      ok: false,
      fault: { code: 'LENGTH_MISMATCH', fields: { expected: 11, actual: length } },
    });
  });
});

describe('flatten', () => {
  it('is the inverse of tensorViews, to the bit', () => {
    fc.assert(
      fc.property(fc.float32Array({ minLength: 11, maxLength: 11 }), (flat) => {
        const again = unwrap(flatten(layout, unwrap(tensorViews(layout, flat))));
        expect(bytesOfValues(again)).toEqual(bytesOfValues(flat));
        expect(again.buffer).not.toBe(flat.buffer);
      }),
      { numRuns: 500 },
    );
  });

  it('names the tensor that is missing or has another length', () => {
    const views = unwrap(tensorViews(layout, counting()));
    views.delete('b');
    expect(flatten(layout, views)).toMatchObject({ fault: { code: 'TENSOR_MISSING', message: /tensor b / } });
    views.set('b', new Float32Array(2));
    expect(flatten(layout, views)).toMatchObject({
      fault: { code: 'LENGTH_MISMATCH', message: /^tensor b: .* 1 .* 2/ },
    });
  });
});

describe('valuesOfBytes', () => {
  it('reads little-endian values back at any alignment, from Buffers and plain arrays alike', () => {
    fc.assert(
      fc.property(
        fc.float32Array({ minLength: 11, maxLength: 11 }),
        fc.nat(9),
        fc.boolean(),
        (flat, shift, isBuffer) => {
          const around = new Uint8Array(44 + 20).fill(255);
          around.set(bytesOfValues(flat), shift);
          const bytes = isBuffer ? Buffer.from(around.buffer, shift, 44) : around.subarray(shift, shift + 44);
          const values = unwrap(valuesOfBytes(layout, bytes));
          expect(bytesOfValues(values)).toEqual(bytesOfValues(flat));
          expect(values.buffer === around.buffer).toBe(shift % 4 === 0);
        },
      ),
      { numRuns: 1_000 },
    );
    const one = unwrap(
      valuesOfBytes(layoutOf({ ...spec, tensors: [{ name: 'a', shape: [1] }] }), Buffer.of(0, 0, 128, 63)),
    );
    expect(one).toEqual(Float32Array.of(1));
  });

  it.each([0, 43, 45, 48])('refuses %i bytes', (length) => {
    expect(valuesOfBytes(layout, new Uint8Array(length))).toMatchObject({ fault: { code: 'LENGTH_MISMATCH' } });
  });
});

describe('findNonFinite', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('names where %s lies', (value) => {
    const flat = counting();
    flat[9] = value;
    expect(findNonFinite(layout, flat)).toMatchObject({ code: 'NON_FINITE', fields: { tensor: 'v', index: 2 } });
  });

  it('finds nothing in finite values, denormals and extremes included', () => {
    const flat = counting();
    flat.set([-0, 1e-45, -3.4028234663852886e38], 3);
    expect(findNonFinite(layout, flat)).toBeUndefined();
  });
});
