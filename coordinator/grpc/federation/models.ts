import { createHash } from 'node:crypto';
import { FetchModelResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { State } from '../../ledger/state/state.ts';
import { framedMessage } from '../framed-messages.ts';

/**
 * The size of a global model or of a trusted sample, bytes; undefined for every other blob: nothing else may be fetched.
 * Newest first, since those are wanted.
 */
export function servedModelBytes({ tracks }: Pick<State, 'tracks'>, digest: Digest): number | undefined {
  for (const { models, modelBytes, samples } of tracks.values()) {
    const sample = samples.findLast((each) => each.digest === digest);
    if (sample !== undefined) return sample.bytes;
    for (let version = models.length - 1; version >= 0; version -= 1) {
      if (models[version]?.digest === digest) return modelBytes;
    }
  }
  return undefined;
}

/** Files up to this size in sum are kept ready to send; larger ones are read anew for each who asks. */
const readyBytesMax = 64 << 20;
/** What one file takes beside its bytes: most have a few hundred (metadata of releases), and a round's worth comes every round. */
const besideBytes = 1 << 10;

type Ready = Readonly<{ heldBytes: number; messages: Promise<readonly Buffer[]> }>;

/**
 * The messages that carry a whole file, encoded once: a round's cohort, or all agents, ask for the same bytes at the
 * same time. FetchFileResponse has FetchModelResponse's fields, so one encoding serves both. Holds what was asked for
 * last, up to a sum, so memory stays bounded.
 */
export class ReadyFiles {
  readonly #blobs: Pick<BlobStore, 'read'>;
  readonly #bytesMax: number;
  /** Least recently asked for first. */
  readonly #ready = new Map<Digest, Ready>();
  #heldBytes = 0;

  constructor(blobs: Pick<BlobStore, 'read'>, bytesMax = readyBytesMax) {
    this.#blobs = blobs;
    this.#bytesMax = bytesMax;
  }

  /** Undefined for a file that is too large to keep. */
  messages(digest: Digest, sizeBytes: number): Promise<readonly Buffer[]> | undefined {
    const heldBytes = sizeBytes + besideBytes;
    if (heldBytes > this.#bytesMax) return undefined;
    const known = this.#ready.get(digest);
    this.#forget(digest);
    const ready = known ?? this.#read(digest, sizeBytes);
    for (const oldest of this.#ready.keys()) {
      if (this.#heldBytes + heldBytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
    this.#ready.set(digest, ready);
    this.#heldBytes += heldBytes;
    return ready.messages;
  }

  /**
   * What cannot be read is read again for the next who asks, and so is what has another digest: whoever asked refuses it, and
   * would go on refusing after the disk is mended.
   */
  #read(digest: Digest, sizeBytes: number): Ready {
    const encoded = this.#encode(digest, sizeBytes);
    const ready = { heldBytes: sizeBytes + besideBytes, messages: encoded.then(({ messages }) => messages) };
    const forget = () => {
      if (this.#ready.get(digest) === ready) this.#forget(digest);
    };
    encoded.then(({ isWhole }) => isWhole || forget(), forget);
    return ready;
  }

  #forget(digest: Digest): void {
    this.#heldBytes -= this.#ready.get(digest)?.heldBytes ?? 0;
    this.#ready.delete(digest);
  }

  async #encode(digest: Digest, sizeBytes: number) {
    const messages: Buffer[] = [];
    const hash = createHash('sha256');
    let position = 0;
    for await (const chunk of this.#blobs.read(digest)) {
      const message = { offset: BigInt(position), sizeBytes: BigInt(sizeBytes), chunk: Buffer.from(chunk) };
      messages.push(framedMessage(FetchModelResponse.encode(message).finish()));
      hash.update(chunk);
      position += chunk.byteLength;
    }
    return { messages, isWhole: `sha256:${hash.digest('hex')}` === digest };
  }
}
