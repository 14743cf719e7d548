import type { Fault } from '../../base/fault.ts';
import type { RoundInvitation } from '../generated/testudo/v1/federation.ts';
import { canonicalTuple } from './crypto/canonical-tuple.ts';
import type { SigningKeyPair } from './crypto/keys.ts';
import { signBytes, verifyBytes } from './crypto/signature.ts';

const invitationDomainTag = 'testudo/v1/invitation';

/**
 * The coordinator's Ed25519 signature (64 bytes) over SHA-512 of the domain tag and what an invitation says to one cluster, by the key
 * that signs receipts: so that whoever hands it on can change no key to seal to, no base and no plan.
 */
export function signInvitation(invitation: RoundInvitation, cluster: string, key: SigningKeyPair): Buffer {
  return signBytes(canonicalBytes(invitation, cluster), key);
}

/** What is wrong with the signature that an invitation brings, or nothing. Safe on a stranger's bytes. */
export function verifyInvitation(
  invitation: RoundInvitation,
  cluster: string,
  receiptKey: Uint8Array,
): Fault<'SIGNATURE_INVALID' | 'KEY_INVALID'> | undefined {
  return verifyBytes(canonicalBytes(invitation, cluster), invitation.signature, receiptKey);
}

/** Numbers as JavaScript writes them: a double has one shortest text, which gives the same double again. */
function canonicalBytes(invitation: RoundInvitation, cluster: string): Buffer {
  const { federation, track, round, base, spec, roundKey, closesAtMs, plan, approvedClasses } = invitation;
  const planned = [
    ...[plan?.epochs, plan?.stepsMax, plan?.batchSize, plan?.learningRate, plan?.clipNorm, plan?.noiseMultiplier],
    ...[plan?.proximalMu, plan?.seed, plan?.sampleMix, plan?.sampleDigest, plan?.sampleBytes],
  ];
  return canonicalTuple(invitationDomainTag, [
    ...[federation, cluster, track, round],
    ...[String(base?.version ?? ''), base?.digest ?? '', spec?.schemaDigest ?? ''],
    roundKey,
    String(closesAtMs),
    ...planned.map((value) => String(value ?? '')),
    approvedClasses.join(','),
  ]);
}
