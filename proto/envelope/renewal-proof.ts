import type { Fault } from '../../base/fault.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';

const renewalDomainTag = 'testudo/v1/renew';

/** What a member signs that renews its certificate, so that nobody on the way can ask for one in its name. */
export type RenewalStatement = Readonly<{
  federation: string;
  cluster: string;
  /** PKCS #10, DER: used again, the proof gives a certificate for the same key, which its maker alone holds. */
  certificateRequest: Uint8Array;
}>;

/** The enrolled key's Ed25519 signature (64 bytes) over SHA-512 of the domain tag and the statement's fields in order. */
export function signRenewal(statement: RenewalStatement, key: SigningKeyPair): Buffer {
  return signBytes(canonicalBytes(statement), key);
}

/** What is wrong with a proof, or nothing. Safe on a stranger's bytes. */
export function verifyRenewal(
  statement: RenewalStatement,
  proof: Uint8Array,
  signingPublicKey: Uint8Array,
): Fault<'SIGNATURE_INVALID' | 'KEY_INVALID'> | undefined {
  return verifyBytes(canonicalBytes(statement), proof, signingPublicKey);
}

function canonicalBytes({ federation, cluster, certificateRequest }: RenewalStatement): Buffer {
  return canonicalTuple(renewalDomainTag, [federation, cluster, certificateRequest]);
}
