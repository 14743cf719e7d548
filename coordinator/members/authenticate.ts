import { ok, type Result, refuse } from '../../base/fault.ts';
import type { FederationId } from '../../proto/ids.ts';
import { issuedAtMs } from '../keys/authority.ts';
import { type Identity, parseSpiffeId } from '../keys/spiffe.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import type { State } from '../ledger/state/state.ts';

/** What TLS has proven about a peer: its certificate chains to our root and it holds the key. */
export type PeerCertificate = Readonly<{ uri: string; serial: string; expiresAtMs: number }>;

/** A person for whom an identity provider or a proxy has spoken that the configuration trusts. */
export type Vouched = Readonly<{
  /** Holds an "@", which no name in a certificate does: nobody is taken for the holder of one. */
  name: string;
  role: OperatorRole;
  expiresAtMs: number;
}>;

/** What a caller shows. */
export type Credential = PeerCertificate | Vouched;

export type AuthenticationFaultCode =
  | 'CERTIFICATE_MISSING'
  | 'CERTIFICATE_FOREIGN'
  | 'CERTIFICATE_EXPIRED'
  /** A newer enrolment or a newer operator certificate took its place. */
  | 'CERTIFICATE_SUPERSEDED'
  | 'CLUSTER_NOT_ENROLLED'
  | 'CLUSTER_REVOKED'
  | 'OPERATOR_UNKNOWN'
  | 'OPERATOR_REMOVED'
  | 'DOOR_UNKNOWN'
  | 'DOOR_REVOKED';

/** Peers that may call us; our own certificate is no caller's. */
export type Caller = Extract<Identity, { kind: 'cluster' | 'operator' | 'door' }>;

/**
 * Who calls, as of now. TLS checked the chain when the connection began; expiry, membership and revocation are checked
 * here on every call, and again while a stream stays open.
 */
export function authenticate(
  credential: Credential | undefined,
  federation: FederationId,
  { clusters, operators, doors }: Pick<State, 'clusters' | 'operators' | 'doors'>,
  nowMs: number,
): Result<Caller, AuthenticationFaultCode> {
  if (credential !== undefined && 'role' in credential) {
    const { name, role } = credential;
    if (credential.expiresAtMs > nowMs) return ok({ kind: 'operator', federation, name, role });
    return refuse('CERTIFICATE_EXPIRED', 'what was said for this caller is over; log in again');
  }
  const certificate = credential;
  if (certificate === undefined) {
    return refuse('CERTIFICATE_MISSING', 'this port takes no call without a client certificate; enrol first');
  }
  const identity = parseSpiffeId(certificate.uri);
  if (identity === undefined || identity.kind === 'coordinator' || identity.federation !== federation) {
    return refuse('CERTIFICATE_FOREIGN', `the certificate names no cluster, no operator and no door of ${federation}`);
  }
  if (!(certificate.expiresAtMs > nowMs)) {
    return refuse('CERTIFICATE_EXPIRED', 'the certificate has ended; renew in time, or enrol again with a new token');
  }
  const issued = issuedAtMs(certificate.serial);
  if (identity.kind === 'cluster') {
    const member = clusters.get(identity.cluster);
    if (member === undefined) return refuse('CLUSTER_NOT_ENROLLED', `cluster ${identity.cluster} is not a member`);
    if (member.status === 'revoked') {
      return refuse('CLUSTER_REVOKED', `cluster ${identity.cluster} was revoked; an admin may give it a new token`);
    }
    if (!(issued >= member.enrolledAtMs)) return superseded(`cluster ${identity.cluster} has enrolled again since`);
    return ok(identity);
  }
  if (identity.kind === 'door') {
    const door = doors.get(identity.name);
    if (door === undefined) return refuse('DOOR_UNKNOWN', `door ${identity.name} is not known here`);
    if (door.revoked) return refuse('DOOR_REVOKED', `door ${identity.name} was revoked`);
    if (!(issued >= door.addedAtMs)) return superseded(`door ${identity.name} has been added again since`);
    return ok(identity);
  }
  const operator = operators.get(identity.name);
  if (operator === undefined) return refuse('OPERATOR_UNKNOWN', `operator ${identity.name} is not known here`);
  if (operator.removed) return refuse('OPERATOR_REMOVED', `operator ${identity.name} was removed`);
  const { replaced, role, certificateSerial } = operator;
  const isNewest = issued >= issuedAtMs(certificateSerial);
  const isReplaced = replaced?.serial === certificate.serial.toLowerCase() && nowMs < replaced.untilMs;
  if (role !== identity.role || !(isNewest || isReplaced)) {
    return superseded(`operator ${identity.name} has a newer certificate`);
  }
  return ok(identity);
}

function superseded(why: string): Result<never, 'CERTIFICATE_SUPERSEDED'> {
  return refuse('CERTIFICATE_SUPERSEDED', `this certificate is void: ${why}; use the newest one`);
}
