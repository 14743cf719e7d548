import { Metadata } from '@grpc/grpc-js';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { type CallFaultCode, deadlineIn, unary } from '../../proto/call.ts';
import {
  newSigningKeyPair,
  type SigningKeyPair,
  signingKeyPairOf,
  vetSigningPublicKey,
} from '../../proto/envelope/crypto/keys.ts';
import { signEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import { signRenewal } from '../../proto/envelope/renewal-proof.ts';
import type { EnrolResponse, RenewResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { isClusterId, isFederationId } from '../../proto/ids.ts';
import type { JoinToken } from '../../proto/join-token.ts';
import type { Address } from './address.ts';
import { newCertificateRequest } from './certificate-request.ts';
import { acceptChain } from './certificates.ts';
import { type Connection, connectAsNewcomer } from './connection.ts';
import { type FirstContactFault, learnAuthority } from './first-contact.ts';
import type { ClusterIdentity } from './identity-store.ts';

/** Faults of enrolment that a pause may cure; after any other one the operator must act. */
export const enrolmentRetries: ReadonlySet<string> = new Set([
  'COORDINATOR_UNREACHABLE',
  'GRPC_UNAVAILABLE',
  // The question may have been answered, and the answer lost: asking again with the same key is safe.
  'GRPC_DEADLINE_EXCEEDED',
  'GRPC_CANCELLED',
  'GRPC_INTERNAL',
  'GRPC_UNKNOWN',
  'RATE_LIMITED',
  'UPLOADS_BUSY',
]);

/** A certificate that cannot be used came back. */
type RenewFaultCode = CallFaultCode | 'CERTIFICATE_UNUSABLE';
export type EnrolFaultCode = RenewFaultCode | FirstContactFault | 'ENROLMENT_INVALID';

export type EnrolOptions = Readonly<{
  /** For the handshake and for the call, each. */
  timeoutMs: number;
  timers: Timers;
  /** The cluster's for good; a new one unless given. */
  signing?: SigningKeyPair;
}>;

/**
 * Trades a join token for membership. The coordinator is authenticated by the token's fingerprint before the secret
 * leaves. A token works for one signing key: with the same key the question may be asked again when the answer was lost.
 */
export async function enrol(
  address: Address,
  token: JoinToken,
  { timeoutMs, timers, signing = newSigningKeyPair() }: EnrolOptions,
): Promise<Result<ClusterIdentity, EnrolFaultCode>> {
  const authority = await learnAuthority(address, token.authorityFingerprint, timeoutMs, timers);
  if (!authority.ok) return authority;
  const request = await newCertificateRequest();
  const connection = connectAsNewcomer(address, authority.value);
  try {
    const answered = await unary<EnrolResponse>((callback) =>
      connection.enrolment.enrol(
        {
          token: token.secret,
          certificateRequest: request.der,
          signingKey: Buffer.from(signing.publicKey),
          signingKeyProof: signEnrolment(request.der, signing),
        },
        new Metadata(),
        { deadline: deadlineIn(timeoutMs) },
        callback,
      ),
    );
    if (!answered.ok) return answered;
    const { federation, cluster, certificateChain, receiptKey, issuedAtMs } = answered.value;
    if (!isFederationId(federation) || !isClusterId(cluster) || !vetSigningPublicKey(receiptKey).ok) {
      return refuse('ENROLMENT_INVALID', 'the coordinator answered with an illegal id or receipt key');
    }
    const chain = acceptChain(certificateChain, {
      tlsKeyPem: request.keyPem,
      authorityPem: authority.value,
      federation,
      cluster,
      issuedAtMs: Number(issuedAtMs),
    });
    if (!chain.ok) return chain;
    return ok({
      federation,
      cluster,
      authorityPem: authority.value,
      chainPem: chain.value,
      certifiedAtMs: timers.now(),
      tlsKeyPem: request.keyPem,
      signingSeed: signing.secretKey.slice(0, 32),
      receiptKey: Uint8Array.from(receiptKey),
    });
  } finally {
    connection.close();
  }
}

/** The same identity with a fresh TLS key and certificate. */
export async function renew(
  connection: Connection,
  identity: ClusterIdentity,
  { timeoutMs, timers }: Pick<EnrolOptions, 'timeoutMs' | 'timers'>,
): Promise<Result<ClusterIdentity, RenewFaultCode>> {
  const request = await newCertificateRequest();
  const { federation, cluster, signingSeed } = identity;
  const statement = { federation, cluster, certificateRequest: request.der };
  const signingKeyProof = signRenewal(statement, signingKeyPairOf(signingSeed));
  const answered = await unary<RenewResponse>((callback) =>
    connection.enrolment.renew(
      { certificateRequest: request.der, signingKeyProof },
      new Metadata(),
      { deadline: deadlineIn(timeoutMs) },
      callback,
    ),
  );
  if (!answered.ok) return answered;
  const chain = acceptChain(answered.value.certificateChain, {
    ...identity,
    tlsKeyPem: request.keyPem,
    issuedAtMs: Number(answered.value.issuedAtMs),
    replaces: identity.chainPem,
  });
  if (!chain.ok) return chain;
  return ok({ ...identity, chainPem: chain.value, certifiedAtMs: timers.now(), tlsKeyPem: request.keyPem });
}
