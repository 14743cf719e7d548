import { ok, type Result, refuse } from '../../base/fault.ts';
import { type ClusterId, type Digest, type FederationId, isClusterId, isDigest, isFederationId } from '../ids.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';
import type { EnvelopeFaultCode } from './faults.ts';
import { wholeNumber } from './header.ts';

/** The coordinator's statement that a cluster's chain of evidence ended so: each record speaks for all before it. */
export type EvidenceReceipt = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  /** Whose signature the chain bears: an Ed25519 key, 64 hexadecimal digits. */
  signer: string;
  /** The last record's number, 1 to 2^53 - 1. */
  record: number;
  /** Of its head. */
  digest: Digest;
  /** Position in the journal, 1 to 2^53 - 1. */
  sequence: number;
  /** Milliseconds since the epoch, by the coordinator's clock. */
  acceptedAtMs: number;
}>;

const domainTag = 'testudo/v1/evidence-receipt';

/** The bytes that the coordinator signs. Needs a legal receipt. */
function receiptBytes({
  federation,
  cluster,
  signer,
  record,
  digest,
  sequence,
  acceptedAtMs,
}: EvidenceReceipt): Buffer {
  return canonicalTuple(domainTag, [federation, cluster, signer, record, digest, sequence, acceptedAtMs]);
}

/** A legal receipt, with nothing else in it, or the first thing wrong. Safe on any decoded value. */
export function checkEvidenceReceipt(candidate: unknown): Result<EvidenceReceipt, 'RECEIPT_INVALID'> {
  if (typeof candidate !== 'object' || candidate === null) return invalid('it', 'an object');
  const { federation, cluster, signer, digest, ...numbers } = candidate as Record<string, unknown>;
  if (!isFederationId(federation)) return invalid('federation', 'a federation id');
  if (!isClusterId(cluster)) return invalid('cluster', 'a cluster id');
  if (typeof signer !== 'string' || !/^[0-9a-f]{64}$/.test(signer)) return invalid('signer', '64 hexadecimal digits');
  if (!isDigest(digest)) return invalid('digest', 'a SHA-256 digest');
  const record = wholeNumber(numbers.record);
  if (record === undefined || record === 0) return invalid('record', 'a whole number, 1 to 2^53 - 1');
  const sequence = wholeNumber(numbers.sequence);
  if (sequence === undefined || sequence === 0) return invalid('sequence', 'a whole number, 1 to 2^53 - 1');
  const acceptedAtMs = wholeNumber(numbers.acceptedAtMs);
  if (acceptedAtMs === undefined) return invalid('acceptedAtMs', 'milliseconds since the epoch, 0 to 2^53 - 1');
  return ok({ federation, cluster, signer, record, digest, sequence, acceptedAtMs });
}

/** The coordinator's Ed25519 signature (64 bytes) over SHA-512 of the receipt's canonical bytes. */
export function signEvidenceReceipt(receipt: EvidenceReceipt, key: SigningKeyPair): Buffer {
  return signBytes(receiptBytes(receipt), key);
}

/** The receipt itself, where `signature` is the public key's over every field of it. Needs a checked receipt. */
export function verifyEvidenceReceipt(
  receipt: EvidenceReceipt,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<EvidenceReceipt, Extract<EnvelopeFaultCode, 'SIGNATURE_INVALID' | 'KEY_INVALID'>> {
  const fault = verifyBytes(receiptBytes(receipt), signature, publicKey);
  return fault === undefined ? ok(receipt) : { ok: false, fault };
}

function invalid(field: string, legal: string) {
  return refuse('RECEIPT_INVALID', `evidence receipt: ${field} must be ${legal}`, { field });
}
