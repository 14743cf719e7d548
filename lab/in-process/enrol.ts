import { unwrap } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import { newCertificateRequest } from '../../client/link/certificate-request.ts';
import { acceptChain } from '../../client/link/certificates.ts';
import type { ClusterIdentity } from '../../client/link/identity-store.ts';
import type { CoordinatorKeys } from '../../coordinator/keys/coordinator-keys.ts';
import type { Actor } from '../../coordinator/ledger/journal/events.ts';
import type { Membership } from '../../coordinator/members/membership.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { signEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import type { ClusterId, FederationId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';

export type EnrolInProcess = Readonly<{
  federation: FederationId;
  membership: Membership;
  keys: Pick<CoordinatorKeys, 'authority' | 'receiptKey'>;
  by: Actor;
  nowMs: EpochMs;
}>;

const hourMs = 3_600_000;

/** Makes a cluster a member, by a token and a proof as ever, with no connection. Throws where it is refused. */
export async function enrolInProcess(
  cluster: ClusterId,
  { federation, membership, keys, by, nowMs }: EnrolInProcess,
): Promise<ClusterIdentity> {
  const minted = unwrap(await membership.mintToken(by, { cluster, lifetimeMs: hourMs, labels: {} }));
  const request = await newCertificateRequest();
  const signing = newSigningKeyPair();
  const { secret } = unwrap(parseJoinToken(minted.text));
  const proof = signEnrolment(request.der, signing);
  const applicant = { secret, request: request.der, signingKey: signing.publicKey, proof };
  const { chain } = unwrap(await membership.enrol(by, applicant));
  const authorityPem = keys.authority.rootCertificate;
  return {
    federation,
    cluster,
    authorityPem,
    chainPem: unwrap(acceptChain(chain, { tlsKeyPem: request.keyPem, authorityPem, federation, cluster })),
    certifiedAtMs: nowMs,
    tlsKeyPem: request.keyPem,
    signingSeed: signing.secretKey.slice(0, 32),
    receiptKey: keys.receiptKey.publicKey,
  };
}
