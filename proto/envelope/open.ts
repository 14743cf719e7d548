import { FaultError, ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { chunkReader } from './chunk-reader.ts';
import { boxedKeyBytes, unboxContentKey } from './crypto/box.ts';
import { openBulk } from './crypto/bulk.ts';
import { publicKeyBytes, type RoundKeyPair, vetRoundPublicKey } from './crypto/keys.ts';
import { wipe } from './crypto/wipe.ts';
import type { EnvelopeFaultCode } from './faults.ts';
import { chunkCount, chunkPlainBytes, format, sealedLength } from './format.ts';
import { checkContext, type UpdateContext } from './header.ts';
import { chunkNonce, streamKey } from './stream-key.ts';

export type OpenFaultCode = Extract<
  EnvelopeFaultCode,
  | 'HEADER_INVALID'
  | 'KEY_INVALID'
  | 'PAYLOAD_MALFORMED'
  | 'PAYLOAD_TRUNCATED'
  | 'PAYLOAD_LENGTH_MISMATCH'
  | 'PAYLOAD_WRONG_KEY'
  | 'PAYLOAD_TAMPERED'
>;

/** Opens chunks of one payload, in any order: each is authenticated with its place. Holds the stream key until `wipe`. */
export type Opener = Readonly<{
  /** Chunk `index` from its sealed bytes, tag included: the plaintext in a buffer of its own. */
  openChunk(index: number, sealed: Uint8Array): Result<Buffer, OpenFaultCode>;
  wipe(): void;
}>;

/** An opener from the first `format.prologueBytes` bytes of a payload, for a checked context and the round's own pair. */
export function createOpener(
  prologue: Uint8Array,
  context: UpdateContext,
  round: RoundKeyPair,
): Result<Opener, OpenFaultCode> {
  const key = payloadKey(prologue, context, round);
  return key.ok ? createOpenerWith(key.value, context) : key;
}

/**
 * The key of one payload alone, 32 bytes: it opens that payload under that context, and nothing else that was sealed to
 * the round. For keeping a payload openable when its round's key is destroyed. The caller wipes it.
 */
export function payloadKey(
  prologue: Uint8Array,
  context: UpdateContext,
  round: RoundKeyPair,
): Result<Buffer, OpenFaultCode> {
  const checked = checkContext(context); // Every size below comes from it.
  if (!checked.ok) return checked;
  if (prologue.byteLength < format.prologueBytes) return { ok: false, fault: truncatedFault(context) };
  const magicEnd = format.magic.byteLength;
  if (!format.magic.equals(prologue.subarray(0, magicEnd))) {
    return refuse('PAYLOAD_MALFORMED', 'open: the payload does not begin with "TSTU"; seal it with this format');
  }
  if (prologue[magicEnd] !== format.version || prologue[magicEnd + 1] !== format.chunkSizeLog2) {
    return refuse(
      'PAYLOAD_MALFORMED',
      `open: expected format version ${format.version} with chunks of 2^${format.chunkSizeLog2} bytes; update the older side`,
    );
  }
  const keyStart = magicEnd + 2;
  const boxStart = keyStart + publicKeyBytes;
  // The copies keep tweetnacl off views that share memory with a caller's larger buffer.
  const vetted = vetRoundPublicKey(Uint8Array.from(prologue.subarray(keyStart, boxStart)));
  if (!vetted.ok) return vetted;
  const boxed = Uint8Array.from(prologue.subarray(boxStart, boxStart + boxedKeyBytes));
  const contentKey = unboxContentKey(boxed, vetted.value, round);
  if (contentKey === undefined) {
    return refuse('PAYLOAD_WRONG_KEY', "open: the payload is not sealed to this round's key, or its head was changed");
  }
  const key = streamKey(contentKey, vetted.value, round.publicKey, context);
  wipe(contentKey);
  return ok(key);
}

/** An opener with a payload's own key, which it takes over: `wipe` wipes it. */
export function createOpenerWith(key: Buffer, context: UpdateContext): Result<Opener, 'HEADER_INVALID'> {
  const checked = checkContext(context);
  if (!checked.ok) return checked;
  const count = chunkCount(context.plainBytes);
  return ok({
    openChunk(index, sealed) {
      if (!Number.isSafeInteger(index) || index < 0 || index >= count) {
        throw new RangeError(`open: chunk ${index} of ${count}`);
      }
      const length = chunkPlainBytes(context.plainBytes, index);
      if (sealed.byteLength < length + format.tagBytes) return { ok: false, fault: truncatedFault(context) };
      if (sealed.byteLength > length + format.tagBytes) return { ok: false, fault: tooLongFault(context) };
      const nonce = chunkNonce(index, index === count - 1);
      const plain = openBulk(key, nonce, sealed.subarray(0, length), sealed.subarray(length));
      return plain === undefined ? { ok: false, fault: tamperedFault(index) } : ok(plain);
    },
    wipe: () => wipe(key),
  });
}

/**
 * The plaintext of a sealed payload that comes in pieces of any size, one chunk at a time, each authenticated before it
 * is yielded. Only the end of the iteration says that the payload was whole: on a FaultError (see OpenFaultCode) drop
 * what came before. The last chunk is held back until the source has ended with it. Sizes come from the context alone.
 */
export async function* openStream(
  sealed: AsyncIterable<Uint8Array>,
  context: UpdateContext,
  round: RoundKeyPair,
): AsyncGenerator<Buffer, void, undefined> {
  const reader = chunkReader(sealed);
  let opener: Opener | undefined;
  try {
    opener = unwrap(createOpener(await reader.read(format.prologueBytes), context, round));
    const count = chunkCount(context.plainBytes);
    for (let index = 0; index < count; index++) {
      const bytes = await reader.read(chunkPlainBytes(context.plainBytes, index) + format.tagBytes);
      const plain = unwrap(opener.openChunk(index, bytes));
      if (index === count - 1 && !(await reader.ended())) {
        wipe(plain);
        throw new FaultError(tooLongFault(context));
      }
      yield plain;
    }
  } finally {
    opener?.wipe();
    await reader.close();
  }
}

export function truncatedFault(context: UpdateContext) {
  const expected = sealedLength(context.plainBytes);
  return refuse(
    'PAYLOAD_TRUNCATED',
    `open: the payload ends early; expected exactly ${expected} bytes; resume the upload`,
    {
      expected,
    },
  ).fault;
}

export function tooLongFault(context: UpdateContext) {
  const expected = sealedLength(context.plainBytes);
  return refuse('PAYLOAD_LENGTH_MISMATCH', `open: the payload goes on past its ${expected} bytes; seal it anew`, {
    expected,
  }).fault;
}

function tamperedFault(chunk: number) {
  return refuse(
    'PAYLOAD_TAMPERED',
    `open: chunk ${chunk} is not what was sealed here for this context; treat the sender or the path as hostile`,
    { chunk },
  ).fault;
}
