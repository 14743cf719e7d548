import { randomBytes } from 'node:crypto';
import { FaultError, ok, type Result, refuse } from '../../base/fault.ts';
import { chunkReader } from './chunk-reader.ts';
import { boxContentKey, contentKeyBytes } from './crypto/box.ts';
import { sealBulk } from './crypto/bulk.ts';
import { newRoundKeyPair, type RoundKeyPair, vetRoundPublicKey, wipeKeyPair } from './crypto/keys.ts';
import { wipe } from './crypto/wipe.ts';
import { chunkCount, chunkPlainBytes, format } from './format.ts';
import { checkContext, type UpdateContext } from './header.ts';
import { chunkNonce, streamKey } from './stream-key.ts';

/** Seals one upload chunk by chunk, in order. It holds the stream key until `wipe`. */
export type Sealer = Readonly<{
  prologue: Buffer;
  /**
   * Chunk `index`'s ciphertext and tag. `plain` must have exactly the chunk's length (RangeError otherwise: the caller's
   * own mistake). Each index once, or a nonce would be used for two texts.
   */
  sealChunk(index: number, plain: Uint8Array): { cipher: Buffer; tag: Buffer };
  wipe(): void;
}>;

/** What makes each upload unlike any other. Fresh by default; the vector test alone passes its own. */
export type SealSecrets = Readonly<{ ephemeral: RoundKeyPair; contentKey: Uint8Array }>;

/** A sealer of one upload under a checked context to a round's public key, with an ephemeral key of its own. */
export function createSealer(
  context: UpdateContext,
  roundPublicKey: Uint8Array,
  secrets: SealSecrets = { ephemeral: newRoundKeyPair(), contentKey: randomBytes(contentKeyBytes) },
): Result<Sealer, 'HEADER_INVALID' | 'KEY_INVALID'> {
  const checked = checkContext(context); // Every size below comes from it.
  if (!checked.ok) return checked;
  const vetted = vetRoundPublicKey(roundPublicKey);
  if (!vetted.ok) return vetted;
  const { ephemeral, contentKey } = secrets;
  const head = Buffer.from([...format.magic, format.version, format.chunkSizeLog2]);
  const prologue = Buffer.concat([head, ephemeral.publicKey, boxContentKey(contentKey, roundPublicKey, ephemeral)]);
  const key = streamKey(contentKey, ephemeral.publicKey, roundPublicKey, context);
  wipe(contentKey);
  wipeKeyPair(ephemeral);

  const count = chunkCount(context.plainBytes);
  let next = 0;
  return ok({
    prologue,
    sealChunk(index, plain) {
      if (index !== next || index >= count) throw new RangeError(`seal: expected chunk ${next} of ${count}`);
      if (plain.byteLength !== chunkPlainBytes(context.plainBytes, index)) {
        throw new RangeError(`seal: chunk ${index} has the wrong length, ${plain.byteLength}`);
      }
      next += 1;
      return sealBulk(key, chunkNonce(index, index === count - 1), plain);
    },
    wipe: () => wipe(key),
  });
}

/**
 * The sealed payload of a plaintext that comes in pieces of any size: the prologue, then one piece for each chunk. Holds
 * one chunk and the source's current piece. Throws a FaultError: HEADER_INVALID and KEY_INVALID before anything is read, PLAIN_LENGTH_MISMATCH
 * when the source has not exactly context.plainBytes bytes. What was yielded before a throw is no payload: drop it.
 */
export async function* sealStream(
  plain: AsyncIterable<Uint8Array>,
  context: UpdateContext,
  roundPublicKey: Uint8Array,
): AsyncGenerator<Buffer, void, undefined> {
  const created = createSealer(context, roundPublicKey);
  if (!created.ok) throw new FaultError(created.fault);
  const sealer = created.value;
  const reader = chunkReader(plain);
  try {
    yield sealer.prologue;
    const count = chunkCount(context.plainBytes);
    for (let index = 0; index < count; index++) {
      const expected = chunkPlainBytes(context.plainBytes, index);
      const piece = await reader.read(expected);
      if (piece.byteLength < expected) throw new FaultError(plainLengthFault(context, 'ended early'));
      const isLast = index === count - 1;
      if (isLast && !(await reader.ended())) throw new FaultError(plainLengthFault(context, 'goes on'));
      const { cipher, tag } = sealer.sealChunk(index, piece);
      yield Buffer.concat([cipher, tag]);
    }
  } finally {
    sealer.wipe();
    await reader.close();
  }
}

/** What to say of a plaintext that is shorter or longer than its context. */
export function plainLengthFault(context: UpdateContext, how: 'ended early' | 'goes on') {
  return refuse(
    'PLAIN_LENGTH_MISMATCH',
    `seal: the plaintext ${how}; expected exactly ${context.plainBytes} bytes, as the context declares`,
    { expected: context.plainBytes },
  ).fault;
}
