import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signEnrolment, verifyEnrolment } from './enrolment-proof.ts';
import { newSigningKeyPair } from './keys.ts';

describe('the enrolment proof', () => {
  const key = newSigningKeyPair();
  const request = Buffer.from('a certificate request');
  const proof = signEnrolment(request, key);

  it('is accepted for the request and key it was made for', () => {
    expect(verifyEnrolment(request, proof, key.publicKey)).toEqual({ ok: true, value: key.publicKey });
  });

  it('is worth nothing for another key or another request', () => {
    expect(verifyEnrolment(request, proof, newSigningKeyPair().publicKey)).toMatchObject({
      fault: { code: 'SIGNATURE_INVALID' },
    });
    expect(verifyEnrolment(Buffer.from('another'), proof, key.publicKey)).toMatchObject({
      fault: { code: 'SIGNATURE_INVALID' },
    });
  });

  it('refuses whatever else a stranger sends, as a value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.uint8Array({ maxLength: 40 }), (signature, publicKey) => {
        expect(verifyEnrolment(request, signature, publicKey).ok).toBe(false);
        expect(verifyEnrolment(request, signature, key.publicKey).ok).toBe(false);
        expect(verifyEnrolment(request, proof, publicKey).ok).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
