import { ok, type Result, refuse } from '../../base/fault.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import type { Digest } from '../../proto/ids.ts';
import type { RoundFaultCode } from './faults.ts';

/** What a track says about the updates it takes. */
export type ContentRules = Readonly<{
  schemaDigest: Digest;
  /** Size of the opened payload, bytes. */
  modelBytes: number;
}>;

/** What a header's payload claims to be, against the track: the sealed size follows from the opened one at the wire. */
export function checkContent(
  { schema, plainBytes }: Pick<UpdateHeader, 'schema' | 'plainBytes'>,
  { schemaDigest, modelBytes }: ContentRules,
): Result<void, RoundFaultCode> {
  if (schema !== schemaDigest) {
    return refuse('SCHEMA_MISMATCH', 'the update has another model spec than its track; fetch the spec again', {
      expected: schemaDigest,
      actual: schema,
    });
  }
  if (plainBytes !== modelBytes) {
    return refuse('LENGTH_MISMATCH', `plain_bytes must be exactly ${modelBytes} for this track, got ${plainBytes}`, {
      expected: modelBytes,
      actual: plainBytes,
    });
  }
  return ok(undefined);
}
