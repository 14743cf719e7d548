import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { digestOf } from '../digest.ts';
import { newSigningKeyPair } from './crypto/keys.ts';
import { sealedLength } from './format.ts';
import { checkContext, checkHeader, headerBytes, signHeader, type UpdateHeader, verifyHeader } from './header.ts';
import { codeOf, sampleContext } from './samples.ts';
import { headerFromWire, headerToWire } from './wire.ts';

const context = sampleContext(1_000);
const header = unwrap(
  checkHeader({ ...context, exampleCount: 12, payload: context.base, payloadBytes: sealedLength(1_000) }),
);
const pair = newSigningKeyPair();
const declared = [
  0,
  -1,
  -0,
  1,
  3,
  5,
  2 ** 30 + 4,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];
const fields = Object.keys(header) as (keyof UpdateHeader)[];

describe('checkHeader', () => {
  it('accepts a legal header as a frozen copy without unknown members', () => {
    const candidate = { ...header, signature: Buffer.alloc(64), admin: true };
    expect(unwrap(checkHeader(candidate))).toEqual(header);
    expect(Object.isFrozen(unwrap(checkHeader(candidate)))).toBe(true);
  });

  it('takes the bigints of a decoder for the numbers they are', () => {
    const { plainBytes, exampleCount, payloadBytes } = header;
    const wire = {
      plainBytes: BigInt(plainBytes),
      exampleCount: BigInt(exampleCount),
      payloadBytes: BigInt(payloadBytes),
    };
    expect(unwrap(checkHeader({ ...header, ...wire }))).toEqual(header);
  });

  it.each([...declared, 2n ** 53n, -1n, 0n, 2n ** 64n, 2n ** 1_000n, '1000', null, [1_000]])(
    'refuses a plaintext size of %s',
    (plainBytes) => {
      const payloadBytes = typeof plainBytes === 'number' ? plainBytes + 102 : header.payloadBytes;
      expect(codeOf(checkHeader({ ...header, plainBytes, payloadBytes }))).toBe('HEADER_INVALID');
    },
  );

  it.each([...declared.slice(1), 2n ** 53n, -1n, '12', null])('refuses a payload size of %s', (payloadBytes) => {
    expect(codeOf(checkHeader({ ...header, payloadBytes }))).toBe('HEADER_INVALID');
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN, 2n ** 53n, -1n, '12', null])('refuses %s examples', (exampleCount) => {
    expect(codeOf(checkHeader({ ...header, exampleCount }))).toBe('HEADER_INVALID');
  });

  it.each([0, 2 ** 53 - 1, 2n ** 53n - 1n])('accepts %s examples', (exampleCount) => {
    expect(unwrap(checkHeader({ ...header, exampleCount })).exampleCount).toBe(Number(exampleCount));
  });

  it('writes the same bytes for 0 and -0 examples', () => {
    expect(unwrap(checkHeader({ ...header, exampleCount: -0 })).exampleCount).toBe(0);
    expect(unwrap(checkHeader({ ...header, exampleCount: -0 })).exampleCount).toBe(0); // Not -0, as Object.is tells.
    expect(headerBytes(unwrap(checkHeader({ ...header, exampleCount: -0 })))).toEqual(
      headerBytes(unwrap(checkHeader({ ...header, exampleCount: 0 }))),
    );
  });

  it('names the field, never the value', () => {
    const checked = checkHeader({ ...header, cluster: 'SECRET-TOKEN' });
    expect(checked).toMatchObject({ fault: { code: 'HEADER_INVALID', fields: { field: 'cluster' } } });
    expect(JSON.stringify(checked)).not.toContain('SECRET-TOKEN');
  });

  it('answers any value at all with a result, never with a throw', () => {
    const anything = fc.anything({ withBigInt: true, withTypedArray: true, withSparseArray: true, maxDepth: 2 });
    const near = fc
      .tuple(
        fc.subarray(fields, { maxLength: 3 }),
        fc.array(fc.oneof(anything, fc.constantFrom(...declared)), { minLength: 3, maxLength: 3 }),
      )
      .map(([changed, values]) => ({
        ...header,
        ...Object.fromEntries(changed.map((field, n) => [field, values[n]])),
      }));
    fc.assert(
      fc.property(fc.oneof(anything, near, near), (candidate) => {
        const checked = checkHeader(candidate);
        if (!checked.ok) expect(checked.fault.code).toBe('HEADER_INVALID');
        else expect(() => headerBytes(checked.value)).not.toThrow();
        const part = checkContext(candidate);
        expect(part.ok || part.fault.code === 'HEADER_INVALID').toBe(true);
        if (checked.ok) expect(part.ok).toBe(true);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("a region's provenance", () => {
  const provenance = digestOf(Buffer.from('who went in'));
  const ofRegion = unwrap(checkHeader({ ...header, provenance }));

  it('is signed: the same header without it, with another, or with classes in its place is another statement', () => {
    const statements = [
      header,
      ofRegion,
      { ...header, provenance: digestOf(Buffer.from('others')) },
      { ...header, classes: ['nginx'] },
      { ...header, classes: ['nginx'], provenance },
    ].map((one) => headerBytes(unwrap(checkHeader(one))).toString('hex'));
    expect(new Set(statements).size).toBe(statements.length);
  });

  it('is a second field behind the classes, which are an empty text where it declares none', () => {
    const field = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
    const bytes = (more: object) => headerBytes(unwrap(checkHeader({ ...header, ...more })));
    expect(bytes({ provenance })).toEqual(Buffer.concat([headerBytes(header), field(''), field(provenance)]));
    expect(bytes({ provenance, classes: ['nginx', 'redis'] })).toEqual(
      Buffer.concat([headerBytes(header), field('nginx,redis'), field(provenance)]),
    );
  });

  it('goes over the wire and back, and is absent where there was none', () => {
    const back = (one: typeof header) => unwrap(headerFromWire(headerToWire(one, new Uint8Array(64), 0)));
    expect(back(ofRegion)).toEqual({ ...header, provenance });
    expect(back(header)).toEqual(header);
  });

  it.each(['', 'sha256:12', 7])('is refused as %j', (wrong) => {
    expect(checkHeader({ ...header, provenance: wrong })).toMatchObject({
      fault: { code: 'HEADER_INVALID', fields: { field: 'provenance' } },
    });
  });
});

describe('declared classes', () => {
  const speaking = unwrap(checkHeader({ ...header, classes: ['nginx', 'redis'] }));

  it('leave a header without any as it was, to the byte', () => {
    expect(unwrap(checkHeader({ ...header, classes: [] }))).toEqual(header);
    expect(headerBytes(unwrap(checkHeader({ ...header, classes: [] })))).toEqual(headerBytes(header));
    // From before there were classes.
    expect(createHash('sha256').update(headerBytes(header)).digest('hex')).toBe(
      '2cd936502d89b6bceef780b90c8b822f9258543fe316fb5e9239139a5134d320',
    );
  });

  it('are one field more of what is signed: length, then the names with commas between', () => {
    const more = Buffer.from('\0\0\0\u000bnginx,redis', 'latin1');
    expect(headerBytes(speaking)).toEqual(Buffer.concat([headerBytes(header), more]));
    const signature = signHeader(speaking, pair);
    expect(codeOf(verifyHeader(speaking, signature, pair.publicKey))).toBe('ok');
    for (const classes of [undefined, ['nginx'], ['nginx', 'redis', 'ssh']]) {
      const changed = unwrap(checkHeader({ ...header, classes }));
      expect(codeOf(verifyHeader(changed, signature, pair.publicKey))).toBe('SIGNATURE_INVALID');
    }
  });

  it.each([
    [['redis', 'nginx']],
    [['nginx', 'nginx']],
    [['Nginx']],
    [['a,b']],
    [['']],
    [['a'.repeat(58)]],
    [[1]],
    ['nginx'],
    [null],
    [Array.from({ length: 65 }, (_, at) => `c${100 + at}`)],
  ])('are refused as %j', (classes) => {
    expect(checkHeader({ ...header, classes })).toMatchObject({
      fault: { code: 'HEADER_INVALID', fields: { field: 'classes' } },
    });
  });

  it('come through the wire as they were', () => {
    const signature = signHeader(speaking, pair);
    expect(headerFromWire(headerToWire(speaking, signature, 0))).toEqual({ ok: true, value: speaking });
    expect(headerFromWire(headerToWire(header, signature, 0))).toEqual({ ok: true, value: header });
  });
});

describe('verifyHeader', () => {
  const signature = signHeader(header, pair);

  it('accepts what signHeader signed', () => {
    expect(verifyHeader(header, signature, pair.publicKey)).toEqual({ ok: true, value: header });
  });

  it.each(fields.filter((field) => field !== 'codec'))('refuses a header whose %s was changed', (field) => {
    const other = { federation: 'flock', track: 'flow', round: 'r-8', cluster: 'eu-west-2' } as Record<string, unknown>;
    const value = typeof header[field] === 'number' ? header[field] + 4 : (other[field] ?? `sha256:${'0'.repeat(64)}`);
    const changed = { ...header, [field]: value } as UpdateHeader;
    expect(changed[field]).not.toBe(header[field]);
    expect(codeOf(verifyHeader(changed, signature, pair.publicKey))).toBe('SIGNATURE_INVALID');
  });

  it('refuses the signature of another key, and keys and signatures of other sizes', () => {
    const other = newSigningKeyPair();
    expect(codeOf(verifyHeader(header, signature, other.publicKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(verifyHeader(header, signHeader(header, other), pair.publicKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(verifyHeader(header, signature.subarray(1), pair.publicKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(verifyHeader(header, signature, new Uint8Array(32)))).toBe('KEY_INVALID');
  });
});
