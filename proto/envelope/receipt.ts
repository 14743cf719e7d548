import { ok, type Result, refuse } from '../../base/fault.ts';
import {
  type ClusterId,
  type Digest,
  type FederationId,
  isClusterId,
  isDigest,
  isFederationId,
  isRoundId,
  isTrackId,
  type RoundId,
  type TrackId,
} from '../ids.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';
import type { EnvelopeFaultCode } from './faults.ts';
import { wholeNumber } from './header.ts';

/** The coordinator's statement that it accepted an update: the sealed bytes are on disk and journalled. */
export type Receipt = Readonly<{
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  cluster: ClusterId;
  /** SHA-256 of the sealed payload. */
  payload: Digest;
  /** Position of the acceptance in the journal, 1 to 2^53 - 1. */
  sequence: number;
  /** Milliseconds since the epoch, by the coordinator's clock. */
  acceptedAtMs: number;
}>;

export const receiptDomainTag = 'testudo/v1/receipt';

/** The bytes that the coordinator signs. Needs a legal receipt. */
export function receiptBytes(receipt: Receipt): Buffer {
  const { federation, track, round, cluster, payload, sequence, acceptedAtMs } = receipt;
  return canonicalTuple(receiptDomainTag, [federation, track, round, cluster, payload, sequence, acceptedAtMs]);
}

/** A legal receipt, frozen and with nothing else in it, or the first thing wrong. Safe on any decoded value. */
export function checkReceipt(candidate: unknown): Result<Receipt, 'RECEIPT_INVALID'> {
  if (typeof candidate !== 'object' || candidate === null) {
    return refuse('RECEIPT_INVALID', 'receipt: expected an object with the fields of a receipt');
  }
  const { federation, track, round, cluster, payload, ...numbers } = candidate as Record<string, unknown>;
  if (!isFederationId(federation)) return invalid('federation', 'a federation id');
  if (!isTrackId(track)) return invalid('track', 'a track id');
  if (!isRoundId(round)) return invalid('round', 'a round id');
  if (!isClusterId(cluster)) return invalid('cluster', 'a cluster id');
  if (!isDigest(payload)) return invalid('payload', 'the SHA-256 digest of the sealed bytes');
  const sequence = wholeNumber(numbers.sequence);
  if (sequence === undefined || sequence === 0) return invalid('sequence', 'a whole number, 1 to 2^53 - 1');
  const acceptedAtMs = wholeNumber(numbers.acceptedAtMs);
  if (acceptedAtMs === undefined) return invalid('acceptedAtMs', 'milliseconds since the epoch, 0 to 2^53 - 1');
  return ok(Object.freeze({ federation, track, round, cluster, payload, sequence, acceptedAtMs }));
}

/** The coordinator's Ed25519 signature (64 bytes) over SHA-512 of the receipt's canonical bytes. */
export function signReceipt(receipt: Receipt, key: SigningKeyPair): Buffer {
  return signBytes(receiptBytes(receipt), key);
}

/** The receipt itself, where `signature` is the public key's over every field of it. Needs a checked receipt. */
export function verifyReceipt(
  receipt: Receipt,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<Receipt, Extract<EnvelopeFaultCode, 'SIGNATURE_INVALID' | 'KEY_INVALID'>> {
  const fault = verifyBytes(receiptBytes(receipt), signature, publicKey);
  return fault === undefined ? ok(receipt) : { ok: false, fault };
}

function invalid(field: string, legal: string) {
  return refuse('RECEIPT_INVALID', `receipt: ${field} must be ${legal}`, { field });
}
