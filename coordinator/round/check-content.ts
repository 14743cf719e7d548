import { ok, type Result, refuse } from '../../base/fault.ts';
import type { UpdateHeader } from '../../proto/envelope/header.ts';
import type { ClassName, Digest } from '../../proto/ids.ts';
import type { RoundFaultCode } from './faults.ts';

/** What a track says about the updates it takes. */
export type ContentRules = Readonly<{
  schemaDigest: Digest;
  /** Size of the opened payload, bytes. */
  modelBytes: number;
  /** Of a model with blocks by class: its classes. Undefined for one without. */
  classes: readonly ClassName[] | undefined;
}>;

/** What a header's payload claims to be, against the track: the sealed size follows from the opened one at the wire. */
export function checkContent(
  { schema, plainBytes, classes }: Pick<UpdateHeader, 'schema' | 'plainBytes' | 'classes'>,
  { schemaDigest, modelBytes, classes: known }: ContentRules,
  /** The classes that an operator approved the sender for. */
  approved: readonly ClassName[],
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
  return checkClasses(classes, known, approved);
}

function checkClasses(
  declared: readonly ClassName[] = [],
  known: readonly ClassName[] | undefined,
  approved: readonly ClassName[],
): Result<void, RoundFaultCode> {
  if (known !== undefined && declared.length === 0) {
    return refuse(
      'CLASS_NOT_DECLARED',
      'this model has blocks by class; declare the classes that the update speaks for',
    );
  }
  const foreign = declared.find((name) => known?.includes(name) !== true);
  if (foreign !== undefined) {
    return refuse('CLASS_NOT_APPROVED', `the model has no class ${foreign}; declare classes of its spec alone`);
  }
  const unapproved = declared.find((name) => !approved.includes(name));
  if (unapproved === undefined) return ok(undefined);
  return refuse(
    'CLASS_NOT_APPROVED',
    `the cluster was not approved for class ${unapproved}; an operator approves it by \`testudo clusters approve\``,
  );
}
