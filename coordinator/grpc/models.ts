import { FetchModelResponse } from '../../proto/generated/testudo/v1/federation.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { State } from '../state/state.ts';

/**
 * The size of a global model, bytes; undefined for every other blob: only models may be fetched. Newest first, since
 * those are wanted.
 */
export function servedModelBytes({ tracks }: Pick<State, 'tracks'>, digest: Digest): number | undefined {
  for (const { models, modelBytes } of tracks.values()) {
    for (let version = models.length - 1; version >= 0; version -= 1) {
      if (models[version]?.digest === digest) return modelBytes;
    }
  }
  return undefined;
}

/** Models up to this size are kept ready to send; larger ones are read anew for each client. */
const readyBytesMax = 64 << 20;

/**
 * The messages that carry a whole model, encoded once: a round's cohort asks for the same bytes at the same time. Holds
 * the newest small model only, so memory stays bounded.
 */
export class ReadyModel {
  readonly #blobs: Pick<BlobStore, 'read'>;
  #digest: Digest | undefined;
  #messages: Promise<readonly Buffer[]> = Promise.resolve([]);

  constructor(blobs: Pick<BlobStore, 'read'>) {
    this.#blobs = blobs;
  }

  /** Undefined for a model that is too large to keep. */
  messages(digest: Digest, sizeBytes: number): Promise<readonly Buffer[]> | undefined {
    if (sizeBytes > readyBytesMax) return undefined;
    if (this.#digest === digest) return this.#messages;
    const encoded = this.#encode(digest, sizeBytes);
    this.#digest = digest;
    this.#messages = encoded;
    encoded.catch(() => {
      if (this.#messages === encoded) this.#digest = undefined; // Read again for the next who asks.
    });
    return encoded;
  }

  async #encode(digest: Digest, sizeBytes: number): Promise<readonly Buffer[]> {
    const messages: Buffer[] = [];
    let position = 0;
    for await (const chunk of this.#blobs.read(digest)) {
      const message = { offset: BigInt(position), sizeBytes: BigInt(sizeBytes), chunk: Buffer.from(chunk) };
      messages.push(Buffer.from(FetchModelResponse.encode(message).finish()));
      position += chunk.byteLength;
    }
    return messages;
  }
}
