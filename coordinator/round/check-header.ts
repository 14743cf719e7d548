import { ok, type Result, refuse } from '../../base/fault.ts';
import { type ClusterId, type Digest, isDigest } from '../../proto/ids.ts';
import type { RoundFaultCode } from './faults.ts';
import type { UpdateHeader } from './phase.ts';

/** What a track says about the updates it takes. */
export type HeaderRules = Readonly<{
  schemaDigest: Digest;
  /** Size of the opened payload, bytes. */
  plainBytes: number;
  /** Size of the sealed payload, bytes. */
  payloadBytes: number;
}>;

const updateCodec = 'f32le';

/** Who: the TLS peer, this federation. First of all checks, since nothing else in a header is worth reading before. */
export function checkOrigin(peer: ClusterId, federation: string, header: UpdateHeader): Result<void, RoundFaultCode> {
  if (header.cluster !== peer) {
    return refuse('CLUSTER_MISMATCH', `the header names another cluster than the certificate of ${peer}`);
  }
  if (header.federation !== federation) {
    return refuse('FEDERATION_MISMATCH', `the header names another federation; this one is ${federation}`);
  }
  return ok(undefined);
}

/** What: schema, codec, sizes and digests, against the track. */
export function checkContent(header: UpdateHeader, rules: HeaderRules): Result<void, RoundFaultCode> {
  if (header.schemaDigest !== rules.schemaDigest) {
    return refuse('SCHEMA_MISMATCH', 'the update has another model spec than its track; fetch the spec again', {
      expected: rules.schemaDigest,
      actual: isDigest(header.schemaDigest) ? header.schemaDigest : 'not a digest',
    });
  }
  if (header.codec !== updateCodec) {
    return refuse('CODEC_UNKNOWN', `the codec must be "${updateCodec}"; upgrade or configure the client`);
  }
  if (header.plainBytes !== rules.plainBytes) return lengthMismatch('plain_bytes', rules.plainBytes, header.plainBytes);
  if (header.payloadBytes !== rules.payloadBytes) {
    return lengthMismatch('payload_bytes', rules.payloadBytes, header.payloadBytes);
  }
  if (!isDigest(header.payloadDigest) || !isDigest(header.baseDigest)) {
    return refuse('HEADER_INVALID', 'payload_digest and base_digest must be "sha256:" and 64 hexadecimal digits');
  }
  if (!Number.isSafeInteger(header.exampleCount) || header.exampleCount < 0) {
    return refuse('HEADER_INVALID', 'example_count must be a whole number from 0 to 2^53 - 1');
  }
  return ok(undefined);
}

function lengthMismatch(what: string, expected: number, actual: number) {
  return refuse('LENGTH_MISMATCH', `${what} must be exactly ${expected} for this track, got ${actual}`, {
    expected,
    actual,
  });
}
