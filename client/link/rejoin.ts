import { Metadata } from '@grpc/grpc-js';
import type { Fault } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import { type CallFaultCode, deadlineIn, unary } from '../../proto/call.ts';
import { signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { signRejoin } from '../../proto/envelope/rejoin-proof.ts';
import type { ChallengeResponse, RejoinResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import type { Address } from './address.ts';
import { newCertificateRequest } from './certificate-request.ts';
import { acceptChain, isInForce } from './certificates.ts';
import { connectAsNewcomer } from './connection.ts';
import type { ClusterIdentity } from './identity-store.ts';

export type RejoinFaultCode = CallFaultCode | 'CERTIFICATE_UNUSABLE';

/** What came of asking; with the coordinator's time wherever it told it. */
export type Rejoining = Readonly<
  /** By the coordinator's clock the certificate holds: something else keeps us out. */
  | { kind: 'inForce'; coordinatorNowMs: EpochMs }
  | { kind: 'rejoined'; identity: ClusterIdentity; coordinatorNowMs: EpochMs }
  | { kind: 'refused'; fault: Fault<RejoinFaultCode>; coordinatorNowMs: EpochMs | undefined }
>;

/**
 * Comes back with a new certificate where ours has ended by the coordinator's clock, or has not begun, since that clock was
 * ahead when it was issued: signs its challenge with the key that the cluster enrolled with. Our own clock takes no part, so a
 * wrong one keeps nobody out.
 */
export async function rejoin(
  address: Address,
  identity: ClusterIdentity,
  { timeoutMs, timers }: Readonly<{ timeoutMs: number; timers: Timers }>,
): Promise<Rejoining> {
  const { enrolment, close } = connectAsNewcomer(address, identity.authorityPem);
  const limits = () => ({ deadline: deadlineIn(timeoutMs) });
  try {
    const challenged = await unary<ChallengeResponse>((callback) =>
      enrolment.challenge({}, new Metadata(), limits(), callback),
    );
    if (!challenged.ok) return { kind: 'refused', fault: challenged.fault, coordinatorNowMs: undefined };
    const { challenge, nowMs } = challenged.value;
    const coordinatorNowMs = Number(nowMs);
    if (isInForce(identity.chainPem, coordinatorNowMs)) return { kind: 'inForce', coordinatorNowMs };
    const { federation, cluster, signingSeed } = identity;
    const { der: certificateRequest, keyPem } = await newCertificateRequest();
    const statement = { federation, cluster, certificateRequest, challenge };
    const signingKeyProof = signRejoin(statement, signingKeyPairOf(signingSeed));
    const request = { cluster, certificateRequest, challenge, signingKeyProof };
    const answered = await unary<RejoinResponse>((callback) =>
      enrolment.rejoin(request, new Metadata(), limits(), callback),
    );
    if (!answered.ok) return { kind: 'refused', fault: answered.fault, coordinatorNowMs };
    const chain = acceptChain(answered.value.certificateChain, {
      ...identity,
      tlsKeyPem: keyPem,
      issuedAtMs: Number(answered.value.issuedAtMs),
    });
    if (!chain.ok) return { kind: 'refused', fault: chain.fault, coordinatorNowMs };
    const renewed = { ...identity, chainPem: chain.value, certifiedAtMs: timers.now(), tlsKeyPem: keyPem };
    return { kind: 'rejoined', identity: renewed, coordinatorNowMs };
  } finally {
    close();
  }
}
