import { hash } from 'node:crypto';
import type { Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import type { z } from 'zod';
import { canonicalBytes, canonicalJson, type JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Refused, type Result, refuse } from '../../../base/fault.ts';
import type { SigningKeyPair } from '../../envelope/crypto/keys.ts';
import { signMessage } from '../../envelope/crypto/signature.ts';
import type { FederationId } from '../../ids.ts';
import { keyIdOf } from './key-id.ts';
import { metadataBytesMax } from './names.ts';
import { expiryText, signedShape } from './shapes.ts';

type TufSigned = Root | Timestamp | Snapshot | Targets;

/**
 * What was signed, and by which key ids (64 hexadecimal digits → signature, hexadecimal).
 *
 * Documents are written through the models of @tufjs/models, so that their shape is TUF's, and read without them: their
 * reading copies every target for every other one (800 releases cost 100 ms and more a walk), checks no key id against
 * its key, knows key types that we do not want, and canonicalises anew for every key. The message here is a slice of
 * the very bytes received.
 */
export type SignedPart = Readonly<{ message: Uint8Array; signatures: ReadonlyMap<string, string> }>;

export type Document<Content> = Readonly<{ content: Content; signed: SignedPart }>;

/** What all roles have in common. */
export type Head = Readonly<{ version: number; expiresAtMs: number; federation: FederationId }>;

export type DocumentRole = 'root' | 'timestamp' | 'snapshot' | 'targets' | 'pins';

/** What was read of bytes, and where in them the signed part begins. */
type Read = Readonly<{ shape: z.ZodType; content: unknown; signatures: ReadonlyMap<string, string>; from: number }>;

/**
 * Documents that were read lately, by role and digest: who follows releases reads each piece of a set when it comes, and again
 * for every track that it decides about. What was refused is not kept.
 */
const remembered = new Map<string, Read>();
const rememberedMax = 64;
/** Longer ones are read anew: memory stays below what so many of these hold. */
const rememberedBytesMax = 64 * 1024;

/** Characters that a refusal repeats of what a peer named. */
const namedMax = 200;

/**
 * Bytes that anyone may have sent, as a document of one role: size first, then UTF-8, then JSON in its one canonical
 * form (so no member stands twice and no byte is without meaning), then the role's shape. Nothing is verified here.
 * What the same bytes gave before may be given again: it is frozen.
 */
export function decodeDocument<Shape extends z.ZodType>(
  role: DocumentRole,
  shape: Shape,
  bytes: Uint8Array,
): Result<Document<z.output<Shape>>, 'METADATA_TOO_LARGE' | 'METADATA_INVALID'> {
  if (bytes.byteLength > rememberedBytesMax) {
    const read = readDocument(role, shape, bytes);
    return read.ok ? ok(documentOf(read.value, bytes)) : read;
  }
  const key = `${role} ${hash('sha256', bytes, 'base64')}`;
  const known = remembered.get(key);
  if (known?.shape === shape) return ok(documentOf<Shape>(known, bytes));
  const read = readDocument(role, shape, bytes);
  if (!read.ok) return read;
  if (remembered.size >= rememberedMax) remembered.delete(remembered.keys().next().value as string);
  freeze(read.value.content);
  remembered.set(key, read.value);
  return ok(documentOf<Shape>(read.value, bytes));
}

/** What others will be given, too. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freeze(inner);
}

function documentOf<Shape extends z.ZodType>(
  { content, signatures, from }: Read,
  bytes: Uint8Array,
): Document<z.output<Shape>> {
  const message = bytes.subarray(from, bytes.byteLength - 1);
  return { content: content as z.output<Shape>, signed: { message, signatures } };
}

function readDocument(
  role: DocumentRole,
  shape: z.ZodType,
  bytes: Uint8Array,
): Result<Read, 'METADATA_TOO_LARGE' | 'METADATA_INVALID'> {
  const parsed = decodeCanonicalJson(role, bytes);
  if (!parsed.ok) return parsed;
  const outer = signedShape.safeParse(parsed.value);
  if (!outer.success) return refuse('METADATA_INVALID', `${role}: ${firstIssue(outer.error)}`, { role });
  const inner = shape.safeParse(outer.data.signed);
  if (!inner.success) return refuse('METADATA_INVALID', `${role}: ${firstIssue(inner.error)}`, { role });
  const { signatures } = outer.data;
  // Canonical text is `{"signatures":[…],"signed":{…}}`: the signed part is what stands between.
  const from = `{"signatures":${canonicalJson(signatures)},"signed":`.length; // ASCII only: characters are bytes.
  return ok({ shape, content: inner.data, signatures: new Map(signatures.map((by) => [by.keyid, by.sig])), from });
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

/** The first thing wrong, as "path: what is legal there". Values stay out, and names of members beyond so much: a peer chose them. */
export function firstIssue({ issues: [issue] }: z.ZodError): string {
  const path = issue?.path.map((part) => JSON.stringify(part)).join('.');
  return `${path?.slice(0, namedMax) || 'shape'}: ${issue?.message.slice(0, namedMax)}`;
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
  role: DocumentRole,
  shape: z.ZodType,
  signed: TufSigned,
  keys: readonly SigningKeyPair[],
): Buffer {
  const message = canonicalBytes(signed.toJSON() as JsonValue);
  const bytes = signedBytes({ message, signatures: new Map() }, keys);
  const check = decodeDocument(role, shape, bytes);
  if (!check.ok) throw new RangeError(check.fault.message);
  return bytes;
}

/** The document with these keys' signatures added. Signatures stand in the order of their key ids. */
export function signedBytes({ message, signatures }: SignedPart, keys: readonly SigningKeyPair[]): Buffer {
  const all = new Map(signatures);
  for (const key of keys) all.set(keyIdOf(key.publicKey), signMessage(message, key).toString('hex'));
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([keyid, sig]) => ({ keyid, sig }));
  return Buffer.concat([Buffer.from(`{"signatures":${canonicalJson(sorted)},"signed":`), message, Buffer.from('}')]);
}

/** The same refusal for a document of another federation, whoever signed it. */
export function foreign(role: string, federation: string): Refused<'METADATA_INVALID'> {
  return refuse('METADATA_INVALID', `${role}: speaks for the federation "${federation}", not for ours`, { role });
}
