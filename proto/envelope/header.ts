import { ok, type Result, refuse } from '../../base/fault.ts';
import { checkDeclaredClasses } from '../declared-classes.ts';
import {
  type ClassName,
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
import { isPlainBytes, sealedLength } from './format.ts';

/** What an opened payload means. The payload's key is derived from all of it: under any other context it stays shut. */
export type UpdateContext = Readonly<{
  federation: FederationId;
  track: TrackId;
  round: RoundId;
  cluster: ClusterId;
  /** The global model that training started from. */
  base: Digest;
  /** The model spec. */
  schema: Digest;
  /** Little-endian IEEE 754 binary32, in the spec's order. */
  codec: 'f32le';
  /** Size of the opened payload: a multiple of 4, 4 bytes to 1 GiB. */
  plainBytes: number;
}>;

/** Everything that gives an update its meaning; the cluster signs all of it (I3). */
export type UpdateHeader = UpdateContext &
  Readonly<{
    /** Examples the client says it trained on, 0 to 2^53 - 1. */
    exampleCount: number;
    /** SHA-256 of the sealed payload. */
    payload: Digest;
    /** Size of the sealed payload: exactly what plainBytes implies. */
    payloadBytes: number;
    /** The workload classes that the update speaks for, ascending, each once. Absent where it declares none. */
    classes?: readonly ClassName[];
    /** Of a region's update: the digest of the provenance of the round that it came of. Absent where a cluster trained itself. */
    provenance?: Digest;
  }>;

const updateDomainTag = 'testudo/v1/update';
const contextDomainTag = 'testudo/v1/context';

/** The bytes that the cluster signs. Needs a legal header. One with neither classes nor provenance has the bytes that it always had. */
export function headerBytes(header: UpdateHeader): Buffer {
  const { exampleCount, payload, payloadBytes } = header;
  return canonicalTuple(updateDomainTag, [
    ...contextFields(header),
    ...[exampleCount, payload, payloadBytes],
    ...declarations(header),
  ]);
}

/** A name holds no comma, so the text has one reading; and one field more is another statement than none. */
function declarations({ classes, provenance }: UpdateHeader): readonly string[] {
  if (provenance !== undefined) return [classes?.join(',') ?? '', provenance];
  return classes === undefined ? [] : [classes.join(',')];
}

/** The bytes whose SHA-256 goes into the payload's key. Needs a legal context. */
export function contextBytes(context: UpdateContext): Buffer {
  return canonicalTuple(contextDomainTag, contextFields(context));
}

function contextFields(context: UpdateContext) {
  const { federation, track, round, cluster, base, schema, codec, plainBytes } = context;
  return [federation, track, round, cluster, base, schema, codec, plainBytes];
}

/**
 * A legal header, frozen and with nothing else in it, or the first thing wrong. Safe on any value a decoder can yield;
 * whole numbers may be numbers or bigints. Says nothing about who sent it: verify the signature next. Nor about when: a
 * header replayed from another round verifies too, so its fields are still to be compared with the round at hand.
 */
export function checkHeader(candidate: unknown): Result<UpdateHeader, 'HEADER_INVALID'> {
  const context = checkContext(candidate);
  if (!context.ok) return context;
  const { exampleCount, payload, payloadBytes, classes, provenance } = candidate as Record<string, unknown>;
  const count = wholeNumber(exampleCount);
  if (count === undefined) return invalid('exampleCount', 'a whole number, 0 to 2^53 - 1');
  if (!isDigest(payload)) return invalid('payload', 'the SHA-256 digest of the sealed bytes');
  const size = wholeNumber(payloadBytes);
  const expected = sealedLength(context.value.plainBytes);
  if (size !== expected) return invalid('payloadBytes', `${expected}, which is what plainBytes implies`);
  const declared = checkDeclaredClasses(classes);
  if (declared === undefined) return invalid('classes', 'at most 64 class names, ascending, each once');
  if (provenance !== undefined && !isDigest(provenance)) return invalid('provenance', "a digest, of a region's round");
  const header = {
    ...context.value,
    exampleCount: count,
    payload,
    payloadBytes: size,
    ...(declared.length > 0 && { classes: declared }),
    ...(provenance !== undefined && { provenance }),
  };
  return ok(Object.freeze(header));
}

/** As `checkHeader`, for the part that is known before sealing. */
export function checkContext(candidate: unknown): Result<UpdateContext, 'HEADER_INVALID'> {
  if (typeof candidate !== 'object' || candidate === null) {
    return refuse('HEADER_INVALID', 'update header: expected an object with the fields of an update');
  }
  const { federation, track, round, cluster, base, schema, codec, plainBytes } = candidate as Record<string, unknown>;
  if (!isFederationId(federation)) return invalid('federation', 'a federation id');
  if (!isTrackId(track)) return invalid('track', 'a track id');
  if (!isRoundId(round)) return invalid('round', 'a round id, "r-" and 1 to 12 digits');
  if (!isClusterId(cluster)) return invalid('cluster', 'a cluster id');
  if (!isDigest(base)) return invalid('base', 'the digest of the global model');
  if (!isDigest(schema)) return invalid('schema', 'the digest of the model spec');
  if (codec !== 'f32le') return invalid('codec', '"f32le", the only codec there is');
  const size = wholeNumber(plainBytes);
  if (!isPlainBytes(size)) return invalid('plainBytes', 'a multiple of 4, 4 to 1,073,741,824');
  return ok(Object.freeze({ federation, track, round, cluster, base, schema, codec, plainBytes: size }));
}

/** The number, where a decoder's number or bigint is whole and 0 to 2^53 - 1. */
export function wholeNumber(candidate: unknown): number | undefined {
  // The comparison comes before the conversion, which would round.
  if (typeof candidate === 'bigint') {
    return candidate >= 0n && candidate <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(candidate) : undefined;
  }
  // Adding 0 turns -0 into 0, which has one byte form.
  return typeof candidate === 'number' && Number.isSafeInteger(candidate) && candidate >= 0 ? candidate + 0 : undefined;
}

/** The cluster's Ed25519 signature (64 bytes) over SHA-512 of the header's canonical bytes. */
export function signHeader(header: UpdateHeader, key: SigningKeyPair): Buffer {
  return signBytes(headerBytes(header), key);
}

/** The header itself, where `signature` is the public key's over every field of it. Needs a checked header. */
export function verifyHeader(
  header: UpdateHeader,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<UpdateHeader, Extract<EnvelopeFaultCode, 'SIGNATURE_INVALID' | 'KEY_INVALID'>> {
  const fault = verifyBytes(headerBytes(header), signature, publicKey);
  return fault === undefined ? ok(header) : { ok: false, fault };
}

function invalid(field: string, legal: string) {
  // The value itself stays out: it is a stranger's, of any size.
  return refuse('HEADER_INVALID', `update header: ${field} must be ${legal}`, { field });
}
