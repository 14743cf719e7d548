import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { UpdateHeader } from '../../../proto/envelope/header.ts';
import { verifyHeader } from '../../../proto/envelope/header.ts';
import { headerFromWire } from '../../../proto/envelope/wire.ts';
import type { UpdateHeader as WireHeader } from '../../../proto/generated/testudo/v1/federation.ts';
import type { ClusterId, FederationId } from '../../../proto/ids.ts';
import type { UploadFaultCode } from '../upload-faults.ts';

/** Whom a header must come from: the TLS peer, with the signing key that its enrolment bound to it. */
export type Signer = Readonly<{ federation: FederationId; cluster: ClusterId; signingKey: Uint8Array }>;

export type SignedHeader = Readonly<{ header: UpdateHeader; signature: Uint8Array; resumeOffset: number }>;

/**
 * The first of an update's checks: it is well-formed, it names this peer and this federation, and this peer has signed
 * all of it. Nothing else in a header is worth reading before. Round, base, schema and sizes come next
 * (`Engine.checkUpdate`), the payload's length and digest last. No I/O, no clock.
 */
export function checkSignedHeader(message: WireHeader, signer: Signer): Result<SignedHeader, UploadFaultCode> {
  const checked = headerFromWire(message);
  if (!checked.ok) return checked;
  const header = checked.value;
  if (header.cluster !== signer.cluster) {
    return refuse(
      'CLUSTER_MISMATCH',
      `the header names cluster ${header.cluster}, the certificate ${signer.cluster}`,
      about(header),
    );
  }
  if (header.federation !== signer.federation) {
    return refuse(
      'FEDERATION_MISMATCH',
      `the header names federation ${header.federation}, this is ${signer.federation}`,
    );
  }
  const verified = verifyHeader(header, message.signature, signer.signingKey);
  if (!verified.ok) return refuse(verified.fault.code, verified.fault.message, about(header));
  if (message.resumeOffset > BigInt(header.payloadBytes)) {
    return refuse(
      'OFFSET_MISMATCH',
      `resume_offset lies beyond the payload's ${header.payloadBytes} bytes`,
      about(header),
    );
  }
  return ok({ header, signature: message.signature, resumeOffset: Number(message.resumeOffset) });
}

/** What an audit entry says about an update. */
export function about({ track, round, payload }: UpdateHeader): Readonly<Record<string, string>> {
  return { track, round, payloadDigest: payload };
}
