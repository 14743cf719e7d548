import { z } from 'zod';
import { canonicalBytes, canonicalJson } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import { digestOf } from '../../../proto/digest.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signBytes, verifyBytes } from '../../../proto/envelope/crypto/signature.ts';
import { type Digest, isDigest } from '../../../proto/ids.ts';

/** What of a record everyone may read who has the file: what is in it stays sealed. */
export type RecordHead = Readonly<{
  /** 1 for the first of its chain. */
  sequence: number;
  /** Of the record before it: its head's. null for the first. */
  previous: Digest | null;
  atMs: number;
  /** What it is evidence of. */
  kind: 'quarantine' | 'outcome' | 'drill';
  cluster: string;
  subject: Readonly<{ namespace: string; pod: string; uid: string }>;
  /** Ids of the alerts behind it. */
  alerts: readonly string[];
  /** Of the sealed bytes. */
  sealed: Readonly<{ digest: Digest; bytes: number }>;
}>;

/** One link of the chain, as it lies on disk. */
export type SignedRecord = Readonly<{ head: RecordHead; publicKey: Uint8Array; signature: Uint8Array; sealed: Buffer }>;

export type RecordFaultCode = 'EVIDENCE_INVALID' | 'EVIDENCE_FORGED';

const domain = 'testudo/v1/evidence\n';
const recordBytesMax = 64 << 20;
/** Half a surrogate pair has no bytes that could be signed. */
const text = z
  .string()
  .max(1_000)
  .refine((value) => value.isWellFormed(), 'well-formed Unicode');
const digest = z.custom<Digest>(isDigest, 'a digest');

const shape = z.strictObject({
  format: z.literal('testudo/evidence/1'),
  head: z.strictObject({
    sequence: z.int().min(1),
    previous: digest.nullable(),
    atMs: z.int().min(0),
    kind: z.enum(['quarantine', 'outcome', 'drill']),
    cluster: text,
    subject: z.strictObject({ namespace: text, pod: text, uid: text }),
    alerts: z.array(text).max(1_000),
    sealed: z.strictObject({ digest, bytes: z.int().min(0) }),
  }),
  publicKey: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
  sealed: z.base64(),
});

/** What names a record: the digest of its head, which holds everything else by digest. */
export function recordDigest(head: RecordHead): Digest {
  return digestOf(signedBytesOf(head));
}

/** A record in its one byte form. */
export function encodeRecord(head: RecordHead, sealed: Buffer, key: SigningKeyPair): Buffer {
  return canonicalBytes({
    format: 'testudo/evidence/1',
    head,
    publicKey: Buffer.from(key.publicKey).toString('hex'),
    signature: signBytes(signedBytesOf(head), key).toString('hex'),
    sealed: sealed.toString('base64'),
  });
}

/** A record that is whole and signed by the key that it names; whose key that is, is the caller's question. */
export function decodeRecord(bytes: Uint8Array): Result<SignedRecord, RecordFaultCode> {
  if (bytes.byteLength > recordBytesMax) return refuse('EVIDENCE_INVALID', `longer than ${recordBytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return refuse('EVIDENCE_INVALID', 'no JSON');
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success) {
    return refuse('EVIDENCE_INVALID', `${parsed.error.issues[0]?.path.join('.')}: not as it was written`);
  }
  const { data } = parsed;
  // No byte is without meaning: another form of the same record would be another file under the same name.
  if (canonicalJson(data) !== Buffer.from(bytes).toString('utf8')) {
    return refuse('EVIDENCE_INVALID', 'not in its one byte form');
  }
  const sealed = Buffer.from(data.sealed, 'base64');
  const publicKey = new Uint8Array(Buffer.from(data.publicKey, 'hex'));
  const signature = new Uint8Array(Buffer.from(data.signature, 'hex'));
  const wrong = verifyBytes(signedBytesOf(data.head), signature, publicKey);
  if (wrong !== undefined) return refuse('EVIDENCE_FORGED', `its signature is not of its key: ${wrong.message}`);
  if (digestOf(sealed) !== data.head.sealed.digest || sealed.length !== data.head.sealed.bytes) {
    return refuse('EVIDENCE_FORGED', 'its sealed part is not the one that was signed');
  }
  return ok({ head: data.head, publicKey, signature, sealed });
}

function signedBytesOf(head: RecordHead): Buffer {
  return Buffer.concat([Buffer.from(domain), canonicalBytes(head)]);
}
