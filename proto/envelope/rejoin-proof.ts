import type { Fault } from '../../base/fault.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';

const rejoinDomainTag = 'testudo/v1/rejoin';

/** What a member signs to get a new certificate when its last one has ended. */
export type RejoinStatement = Readonly<{
  federation: string;
  cluster: string;
  /** PKCS #10, DER: the proof is for this certificate and no other. */
  certificateRequest: Uint8Array;
  /** The coordinator's, for this one time: a proof cannot be used again. */
  challenge: Uint8Array;
}>;

/** The enrolled key's Ed25519 signature (64 bytes) over SHA-512 of the domain tag and the statement's fields in order. */
export function signRejoin(statement: RejoinStatement, key: SigningKeyPair): Buffer {
  return signBytes(canonicalBytes(statement), key);
}

/** What is wrong with a proof, or nothing. Safe on a stranger's bytes. */
export function verifyRejoin(
  statement: RejoinStatement,
  proof: Uint8Array,
  signingPublicKey: Uint8Array,
): Fault<'SIGNATURE_INVALID' | 'KEY_INVALID'> | undefined {
  return verifyBytes(canonicalBytes(statement), proof, signingPublicKey);
}

function canonicalBytes({ federation, cluster, certificateRequest, challenge }: RejoinStatement): Buffer {
  return canonicalTuple(rejoinDomainTag, [federation, cluster, certificateRequest, challenge]);
}
