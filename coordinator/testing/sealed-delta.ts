import { unwrap } from '../../base/fault.ts';
import { seededRandom } from '../../base/random.ts';
import { digestOf } from '../../proto/digest.ts';
import { checkHeader, type UpdateContext, type UpdateHeader } from '../../proto/envelope/header.ts';
import { sealStream } from '../../proto/envelope/seal.ts';
import { type ClusterId, parseRoundId } from '../../proto/ids.ts';
import type { Directive } from '../rounds/directives.ts';

export type Invitation = Extract<Directive, { kind: 'invitation' }>;
export type SealedUpdate = Readonly<{ header: UpdateHeader; payload: Buffer }>;

/** What an honest client would send for an invitation, with these values as its delta. */
export async function sealDelta(
  invitation: Invitation,
  cluster: ClusterId,
  delta: Float32Array,
  baseDigest = invitation.base.digest,
  classes: readonly string[] = [],
): Promise<SealedUpdate> {
  const { federation, track, round, schemaDigest } = invitation;
  const context: UpdateContext = {
    federation,
    track,
    round: parseRoundId(round),
    cluster,
    base: baseDigest,
    schema: schemaDigest,
    codec: 'f32le',
    plainBytes: delta.byteLength,
  };
  const plain = new Uint8Array(delta.buffer, delta.byteOffset, delta.byteLength);
  const pieces: Buffer[] = [];
  const source = (async function* () {
    yield plain;
  })();
  for await (const piece of sealStream(source, context, Buffer.from(invitation.roundKey, 'base64'))) pieces.push(piece);
  const payload = Buffer.concat(pieces);
  const sent = { ...context, exampleCount: 10, payload: digestOf(payload), payloadBytes: payload.byteLength, classes };
  return { payload, header: unwrap(checkHeader(sent)) };
}

/** Seeded values in -1..1, the same on every machine: mulberry32. */
export function seededValues(seed: number, length: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
}
