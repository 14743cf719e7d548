import {
  Metadata,
  MetadataKind,
  type Root,
  Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import type { z } from 'zod';
import { canonicalBytes, canonicalJson, type JsonValue } from '../canonical-json.ts';
import type { SigningKeyPair } from '../envelope/keys.ts';
import { signMessage } from '../envelope/signature.ts';
import { type Fault, ok, type Refused, type Result, refuse } from '../fault.ts';
import type { FederationId } from '../ids.ts';
import type { ReleaseFaultCode } from './faults.ts';
import { keyIdOf } from './key-id.ts';
import { metadataBytesMax } from './names.ts';
import { expiryText, signedShape } from './shapes.ts';

export type TufSigned = Root | Timestamp | Snapshot | Targets;

/** A decoded piece: its checked content, and the library's model of it, which carries and verifies the signatures. */
export type Document<Content> = Readonly<{ content: Content; metadata: Metadata<TufSigned> }>;

/** What all roles have in common. */
export type Head = Readonly<{ version: number; expiresAtMs: number; federation: FederationId }>;

/** The library's name for a role's document; pins are targets-type documents of their own. */
const kinds = {
  root: MetadataKind.Root,
  timestamp: MetadataKind.Timestamp,
  snapshot: MetadataKind.Snapshot,
  targets: MetadataKind.Targets,
  pins: MetadataKind.Targets,
} as const;

/**
 * Bytes that anyone may have sent, as a document of one role: size first, then UTF-8, then JSON in its one canonical
 * form (so no member stands twice and no byte is without meaning), then the role's shape. Nothing is verified here.
 */
export function decodeDocument<Shape extends z.ZodType>(
  role: keyof typeof kinds,
  shape: Shape,
  bytes: Uint8Array,
): Result<Document<z.output<Shape>>, 'METADATA_TOO_LARGE' | 'METADATA_INVALID'> {
  const parsed = decodeCanonicalJson(role, bytes);
  if (!parsed.ok) return parsed;
  const outer = signedShape.safeParse(parsed.value);
  if (!outer.success) return refuse('METADATA_INVALID', `${role}: ${firstIssue(outer.error)}`, { role });
  const inner = shape.safeParse(outer.data.signed);
  if (!inner.success) return refuse('METADATA_INVALID', `${role}: ${firstIssue(inner.error)}`, { role });
  try {
    return ok({ content: inner.data, metadata: Metadata.fromJSON(kinds[role] as MetadataKind.Root, parsed.value) });
  } catch (error) {
    return refuse('METADATA_INVALID', `${role}: ${(error as Error).message}`, { role });
  }
}

/** A JSON object in canonical form within the cap; `what` names it in faults. */
export function decodeCanonicalJson(
  what: string,
  bytes: Uint8Array,
): Result<Record<string, never>, 'METADATA_TOO_LARGE' | 'METADATA_INVALID'> {
  if (bytes.byteLength > metadataBytesMax) {
    return refuse('METADATA_TOO_LARGE', `${what}: ${bytes.byteLength} bytes; at most ${metadataBytesMax} are read`, {
      role: what,
    });
  }
  const invalid = (why: string) => refuse('METADATA_INVALID', `${what}: ${why}`, { role: what });
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return invalid('expected a JSON object');
    if (canonicalJson(value as JsonValue) !== text) return invalid('expected canonical JSON (RFC 8785)');
    return ok(value as Record<string, never>);
  } catch {
    return invalid('expected canonical JSON (RFC 8785) in UTF-8');
  }
}

/** The first thing wrong, as "path: what is legal there". Values stay out: a peer chose them. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return `${
    issue?.path
      .map((part) => JSON.stringify(part))
      .join('.')
      .slice(0, 200) || 'shape'
  }: ${issue?.message}`;
}

/** The head of a checked signed part. */
export function headOf({ version, expires, federation }: Omit<Head, 'expiresAtMs'> & { expires: string }): Head {
  return { version, expiresAtMs: Date.parse(expires), federation };
}

/** The members that begin every signed part. Throws a RangeError on an expiry that TUF cannot write. */
export function signedHead(head: Head) {
  const expires = expiryText(head.expiresAtMs);
  if (expires === 'never') throw new RangeError('metadata: expiresAtMs must lie between the years 1970 and 9999');
  return {
    version: head.version,
    specVersion: '1.0.34',
    expires,
    unrecognizedFields: { federation: head.federation as string },
  };
}

/** A signed part as signed bytes. Throws a RangeError when what came out is not legal: our own content was at fault. */
export function encodeDocument(
  role: keyof typeof kinds,
  shape: z.ZodType,
  signed: TufSigned,
  keys: readonly SigningKeyPair[],
): Buffer {
  const bytes = signedBytes(new Metadata(signed), keys);
  const check = decodeDocument(role, shape, bytes);
  if (!check.ok) throw new RangeError(check.fault.message);
  return bytes;
}

/** The document with these keys' signatures added. */
export function signedBytes(metadata: Metadata<TufSigned>, keys: readonly SigningKeyPair[]): Buffer {
  for (const key of keys) {
    metadata.sign(
      (message) => new Signature({ keyID: keyIdOf(key.publicKey), sig: signMessage(message, key).toString('hex') }),
    );
  }
  return canonicalBytes(metadata.toJSON() as JsonValue);
}

/** The same refusal for a document of another federation, whoever signed it. */
export function foreign(role: string, federation: string): Refused<'METADATA_INVALID'> {
  return refuse('METADATA_INVALID', `${role}: speaks for the federation "${federation}", not for ours`, { role });
}

export type ReleaseFault = Fault<ReleaseFaultCode>;
