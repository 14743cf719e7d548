import { ok, type Result } from '../../base/fault.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';

const enrolmentDomainTag = 'testudo/v1/enrol';

/**
 * Shows at enrolment that the applicant holds the signing key that it wants bound to its name: the key's Ed25519
 * signature (64 bytes) over SHA-512 of the domain tag and the certificate request (DER), so that it fits no other request.
 */
export function signEnrolment(certificateRequest: Uint8Array, key: SigningKeyPair): Buffer {
  return signBytes(canonicalTuple(enrolmentDomainTag, [certificateRequest]), key);
}

/** The signing key itself, where the proof is its own over this certificate request. Safe on a stranger's bytes. */
export function verifyEnrolment(
  certificateRequest: Uint8Array,
  proof: Uint8Array,
  signingPublicKey: Uint8Array,
): Result<Uint8Array, 'SIGNATURE_INVALID' | 'KEY_INVALID'> {
  const fault = verifyBytes(canonicalTuple(enrolmentDomainTag, [certificateRequest]), proof, signingPublicKey);
  return fault === undefined ? ok(signingPublicKey) : { ok: false, fault };
}
