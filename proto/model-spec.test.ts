import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { checkSpec, type ModelSpec, schemaDigest, specBytes, specLimits, specOfBytes } from './model-spec.ts';

const small: ModelSpec = {
  architecture: 'syscall-lstm-lm/1',
  hyperparameters: { hidden: 64, dropout: 0.1, tied: true, cell: 'lstm' },
  tensors: [
    { name: 'embedding', shape: [340, 16] },
    { name: 'lstm/kernel', shape: [16, 256] },
    { name: 'bias', shape: [1] },
  ],
};

const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,20}$/);
const tensors = fc.uniqueArray(
  fc.record({ name, shape: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }) }),
  { selector: (tensor) => tensor.name, minLength: 1, maxLength: 8 },
);
const value = fc.oneof(
  // Without -0, which becomes 0.
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.boolean(),
);
const legal = fc.record({ architecture: name, hyperparameters: fc.dictionary(name, value, { maxKeys: 8 }), tensors });

function codeOf(candidate: unknown): string {
  const checked = checkSpec(candidate);
  return checked.ok ? 'ok' : checked.fault.code;
}

describe('checkSpec', () => {
  it('accepts every legal spec and gives an equal, frozen copy', () => {
    fc.assert(
      fc.property(legal, (spec) => {
        const checked = checkSpec(spec);
        if (!checked.ok) throw new Error(checked.fault.message);
        expect(checked.value).toEqual(structuredClone({ ...spec, hyperparameters: { ...spec.hyperparameters } }));
        expect(checked.value).not.toBe(spec);
        expect(checked.value.tensors[0]).not.toBe(spec.tensors[0]);
        expect(Object.isFrozen(checked.value.tensors[0]?.shape)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes -0 for 0, as the digest does', () => {
    const specOf = (rate: number) => unwrap(checkSpec({ ...small, hyperparameters: { rate } }));
    expect(specOf(-0).hyperparameters).toStrictEqual({ rate: 0 });
    expect(schemaDigest(specOf(-0))).toBe(schemaDigest(specOf(0)));
  });

  it('drops unknown members, so that they cannot ride along unseen', () => {
    const checked = checkSpec({ ...small, more: 1, tensors: [{ name: 'a', shape: [2], dtype: 'int8' }] });
    expect(checked).toEqual({
      ok: true,
      value: { ...small, tensors: [{ name: 'a', shape: [2] }] },
    });
  });

  it('answers any value at all with a result, never with a throw', () => {
    const part = fc.oneof(
      fc.anything({ maxDepth: 3, withBigInt: true, withTypedArray: true, withSparseArray: true }),
      tensors,
    );
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ architecture: fc.oneof(name, part), hyperparameters: part, tensors: part }, { requiredKeys: [] }),
      fc.record({
        architecture: name,
        hyperparameters: fc.constant({}),
        tensors: fc.array(fc.record({ name: fc.oneof(name, part), shape: part }), { maxLength: 3 }),
      }),
    );
    fc.assert(
      fc.property(anything, (candidate) => {
        const checked = checkSpec(candidate);
        if (checked.ok) expect(checkSpec(JSON.parse(specBytes(checked.value).toString()))).toEqual(checked);
        else expect(checked.fault.message).toMatch(/^model spec: /);
      }),
      { numRuns: 10_000 },
    );
  });

  it.each([0, -1, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, '8', null, undefined, [8], 8n])(
    'refuses a dimension of %s',
    (dimension) => {
      expect(codeOf({ ...small, tensors: [{ name: 'a', shape: [dimension] }] })).toBe('SPEC_INVALID');
    },
  );

  it.each([
    ['one value too many', [[2 ** 28 + 1]]],
    ['2^31 values', [[2 ** 31]]],
    ['the largest whole number', [[2 ** 53 - 1]]],
    ['a product that overflows', [Array(8).fill(2 ** 53 - 1)]],
    ['a sum that is too large', [[2 ** 27], [2 ** 27], [1]]],
  ])('refuses %s without allocating it', (_, shapes) => {
    const many = shapes.map((shape, n) => ({ name: `t${n}`, shape }));
    expect(codeOf({ ...small, tensors: many })).toBe('SPEC_TOO_LARGE');
  });

  it('accepts exactly the largest model', () => {
    expect(codeOf({ ...small, tensors: [{ name: 'a', shape: [2 ** 14, 2 ** 14] }] })).toBe('ok');
  });

  it.each([
    ['no tensors', { ...small, tensors: [] }],
    [
      'too many tensors',
      { ...small, tensors: Array.from({ length: 4_097 }, (_, n) => ({ name: `t${n}`, shape: [1] })) },
    ],
    ['a name twice', { ...small, tensors: [small.tensors[0], small.tensors[0]] }],
    ['a scalar without a dimension', { ...small, tensors: [{ name: 'a', shape: [] }] }],
    ['nine dimensions', { ...small, tensors: [{ name: 'a', shape: Array(9).fill(1) }] }],
    ['a name with a space', { ...small, tensors: [{ name: 'a b', shape: [1] }] }],
    ['a name of 129 characters', { ...small, tensors: [{ name: 'a'.repeat(129), shape: [1] }] }],
    ['an infinite hyperparameter', { ...small, hyperparameters: { a: Number.POSITIVE_INFINITY } }],
    ['a nested hyperparameter', { ...small, hyperparameters: { a: { b: 1 } } }],
    ['a text of half a surrogate pair', { ...small, hyperparameters: { a: '\ud800' } }],
    ['a long text', { ...small, hyperparameters: { a: 'x'.repeat(1_025) } }],
    ['a list for an object', [small]],
  ])('refuses %s', (_, candidate) => {
    expect(codeOf(candidate)).toBe('SPEC_INVALID');
  });

  it('refuses a spec whose JSON is larger than what may travel', () => {
    const texts = Object.fromEntries(Array.from({ length: 256 }, (_, n) => [`p${n}`, '\u0001'.repeat(1_024)]));
    expect(codeOf({ ...small, hyperparameters: texts })).toBe('SPEC_TOO_LARGE');
  });
});

describe('schemaDigest', () => {
  it('is fixed for ever', () => {
    expect(specBytes(small).toString()).toBe(
      '{"architecture":"syscall-lstm-lm/1","hyperparameters":{"cell":"lstm","dropout":0.1,"hidden":64,"tied":true},' +
        '"tensors":[{"name":"embedding","shape":[340,16]},{"name":"lstm/kernel","shape":[16,256]},{"name":"bias","shape":[1]}]}',
    );
    expect(schemaDigest(small)).toBe('sha256:6d93952b00dac89b903207203fe8849b922972941963a2ade192f82e4f2dd183');
  });

  it('follows the meaning: another order of tensors is another schema, another order of members is not', () => {
    const { tensors: list, hyperparameters, architecture } = small;
    expect(schemaDigest({ tensors: list, hyperparameters, architecture })).toBe(schemaDigest(small));
    expect(schemaDigest({ ...small, tensors: [...list].reverse() })).not.toBe(schemaDigest(small));
    expect(schemaDigest({ ...small, hyperparameters: { ...hyperparameters, hidden: 65 } })).not.toBe(
      schemaDigest(small),
    );
  });
});

describe('specOfBytes', () => {
  it('reads what specBytes writes', () => {
    fc.assert(
      fc.property(legal, (spec) => {
        const read = specOfBytes(specBytes(spec));
        if (!read.ok) throw new Error(read.fault.message);
        expect(schemaDigest(read.value)).toBe(schemaDigest(spec));
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers any bytes with a result: cut, bit-flipped, deeply nested', () => {
    const bytes = specBytes(small);
    const mangled = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(bytes.length - 1).map((length) => bytes.subarray(0, length)),
      fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 7 })).map(([at, bit]) => {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        return flipped;
      }),
      fc.integer({ min: 1, max: 4_000 }).map((levels) => Buffer.from('['.repeat(levels) + ']'.repeat(levels))),
    );
    fc.assert(
      fc.property(mangled, (input) => {
        const read = specOfBytes(input);
        // A flipped bit may leave a legal spec; then it is another one.
        if (read.ok) expect(schemaDigest(read.value)).not.toBe(schemaDigest(small));
        else expect(['SPEC_INVALID', 'SPEC_TOO_LARGE']).toContain(read.fault.code);
      }),
      { numRuns: 10_000 },
    );
  });

  it('does not parse more than 1 MiB', () => {
    const read = specOfBytes(Buffer.alloc(specLimits.bytesMax + 1, ' '));
    expect(read).toMatchObject({ ok: false, fault: { code: 'SPEC_TOO_LARGE' } });
  });
});
