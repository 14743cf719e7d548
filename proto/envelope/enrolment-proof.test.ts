import { describe, expect, it } from 'vitest';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import { newSigningKeyPair } from './crypto/keys.ts';
import { signBytes } from './crypto/signature.ts';
import { signEnrolment, verifyEnrolment } from './enrolment-proof.ts';
import { receiptDomainTag } from './receipt.ts';
import { codeOf } from './samples.ts';

const pair = newSigningKeyPair();
const request = Buffer.from('a certificate request');
const proof = signEnrolment(request, pair);

describe('verifyEnrolment', () => {
  it('gives the key whose owner signed this very request', () => {
    expect(verifyEnrolment(request, proof, pair.publicKey)).toEqual({ ok: true, value: pair.publicKey });
  });

  it('refuses a proof for another request, by another key, or of another kind', () => {
    expect(codeOf(verifyEnrolment(Buffer.from('another'), proof, pair.publicKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(verifyEnrolment(request, proof, newSigningKeyPair().publicKey))).toBe('SIGNATURE_INVALID');
    const receipt = signBytes(canonicalTuple(receiptDomainTag, [request]), pair);
    expect(codeOf(verifyEnrolment(request, receipt, pair.publicKey))).toBe('SIGNATURE_INVALID');
  });

  it('refuses sizes and weak keys', () => {
    expect(codeOf(verifyEnrolment(request, Buffer.alloc(0), pair.publicKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(verifyEnrolment(request, proof, new Uint8Array(32)))).toBe('KEY_INVALID');
  });
});
