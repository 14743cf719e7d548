/**
 * What stands in the rotation log: one canonical JSON line each, signed, and holding the digest of the line before. It says
 * everything from which due times follow but the key, and the key when its epoch is over.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalBytes, canonicalJson } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signBytes, verifyBytes } from '../../../proto/envelope/crypto/signature.ts';
import { lastingCodes } from '../../posture/exposure.ts';
import { reasons } from './reasons.ts';

const ms = z.number().min(0);
const uid = z.string().min(1).max(64);
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);

const said = z.discriminatedUnion('kind', [
  /** A leader began with these settings. */
  z.strictObject({
    kind: z.literal('opened'),
    law: z.strictObject({ boundMs: ms, meanMs: ms }),
    epochMs: ms,
    riskWeight: ms,
    /** Left out by agents that knew of none: 0. */
    postureWeight: ms.optional(),
  }),
  /** The digest of an epoch's key, before any lifetime that it draws is over. */
  z.strictObject({ kind: z.literal('epoch'), epoch: z.int(), commitment: hex32 }),
  /** The key itself, when no pod of the epoch can be due any more. */
  z.strictObject({ kind: z.literal('reveal'), epoch: z.int(), key: hex32 }),
  z.strictObject({
    kind: z.literal('seen'),
    ...{ uid, namespace: z.string().max(253), name: z.string().max(253), createdAtMs: ms },
    /** What makes it due sooner, and can be looked up in its spec. Left out by agents that did not look. */
    exposedBy: z.array(z.enum(lastingCodes)).max(lastingCodes.length).optional(),
  }),
  z.strictObject({ kind: z.literal('risk'), uid, atMs: ms, risk: ms }),
  z.strictObject({ kind: z.literal('waits'), uid, reason: z.enum(reasons) }),
  z.strictObject({ kind: z.literal('begins'), uid, does: z.enum(['release', 'evict']) }),
  z.strictObject({ kind: z.literal('gone'), uid }),
  /** Nothing else happened for a while: silence is a gap. */
  z.strictObject({ kind: z.literal('alive') }),
]);

export type Said = z.infer<typeof said>;

const shape = z.strictObject({
  entry: z.strictObject({ sequence: z.int().min(1), previous: hex32.nullable(), atMs: ms, said }),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

export type Entry = z.infer<typeof shape>['entry'];

const domain = Buffer.from('testudo/v1/rotation-log\n');
const signed = (entry: Entry) => Buffer.concat([domain, canonicalBytes(entry)]);

export function encodeEntry(entry: Entry, key: SigningKeyPair): string {
  return canonicalJson({ entry, signature: signBytes(signed(entry), key).toString('hex') });
}

export const digestOfLine = (line: string) => createHash('sha256').update(line).digest('hex');

/** An entry in its one form and signed by this key. */
export function decodeEntry(line: string, publicKey: Uint8Array): Result<Entry, 'ROTATION_LOG_INVALID'> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return refuse('ROTATION_LOG_INVALID', 'no JSON');
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success || canonicalJson(parsed.data) !== line) {
    return refuse('ROTATION_LOG_INVALID', 'not as an agent writes it');
  }
  const { entry, signature } = parsed.data;
  const wrong = verifyBytes(signed(entry), Buffer.from(signature, 'hex'), publicKey);
  return wrong === undefined
    ? ok(entry)
    : refuse('ROTATION_LOG_INVALID', `its signature is not of this key: ${wrong.message}`);
}
