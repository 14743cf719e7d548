import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newSigningKeyPair } from './crypto/keys.ts';
import { checkHeader, signHeader } from './header.ts';
import { checkReceipt, type Receipt, receiptBytes, signReceipt, verifyReceipt } from './receipt.ts';
import { codeOf, sampleContext } from './samples.ts';

const { federation, track, round, cluster, base } = sampleContext(4);
const receipt = unwrap(
  checkReceipt({ federation, track, round, cluster, payload: base, sequence: 7, acceptedAtMs: 1_767_225_600_000 }),
);
const pair = newSigningKeyPair();
const fields = Object.keys(receipt) as (keyof Receipt)[];

describe('checkReceipt', () => {
  it('accepts a legal receipt, bigints too, without unknown members', () => {
    const wire = { ...receipt, sequence: 7n, acceptedAtMs: 1_767_225_600_000n, signature: Buffer.alloc(64) };
    expect(unwrap(checkReceipt(wire))).toEqual(receipt);
  });

  it.each([0, 0n, -0, -1, 2 ** 53, 2n ** 53n, 0.5, Number.NaN, '7', null])('refuses the sequence %s', (sequence) => {
    expect(codeOf(checkReceipt({ ...receipt, sequence }))).toBe('RECEIPT_INVALID');
  });

  it('answers any value at all with a result, never with a throw', () => {
    const anything = fc.anything({ withBigInt: true, maxDepth: 2 });
    const near = fc
      .tuple(fc.constantFrom(...fields), fc.oneof(anything, fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, 2n ** 53n)))
      .map(([field, value]) => ({ ...receipt, [field]: value }));
    fc.assert(
      fc.property(fc.oneof(anything, near), (candidate) => {
        const checked = checkReceipt(candidate);
        if (!checked.ok) expect(checked.fault.code).toBe('RECEIPT_INVALID');
        else expect(() => receiptBytes(checked.value)).not.toThrow();
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('verifyReceipt', () => {
  const signature = signReceipt(receipt, pair);

  it('accepts what signReceipt signed', () => {
    expect(codeOf(verifyReceipt(receipt, signature, pair.publicKey))).toBe('ok');
  });

  it.each(fields)('refuses a receipt whose %s was changed', (field) => {
    const value = typeof receipt[field] === 'number' ? receipt[field] + 1 : `${receipt[field]}0`;
    expect(codeOf(verifyReceipt({ ...receipt, [field]: value } as Receipt, signature, pair.publicKey))).toBe(
      'SIGNATURE_INVALID',
    );
  });

  it("does not take an update's signature for a receipt's", () => {
    const header = unwrap(checkHeader({ ...sampleContext(4), exampleCount: 7, payload: base, payloadBytes: 106 }));
    expect(codeOf(verifyReceipt(receipt, signHeader(header, pair), pair.publicKey))).toBe('SIGNATURE_INVALID');
  });
});
