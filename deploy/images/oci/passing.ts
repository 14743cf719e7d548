import { createHash } from 'node:crypto';
import { digestFromBytes } from '../../../proto/digest.ts';
import type { Digest } from '../../../proto/ids.ts';

/** Bytes on their way through a pipeline: handed on as they are, digested and counted. */
export class Passing {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  /** So many have passed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A step of the pipeline. */
  step() {
    const pass = (chunk: Buffer) => {
      this.#hash.update(chunk);
      this.#bytes += chunk.byteLength;
      return chunk;
    };
    return async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) yield pass(chunk);
    };
  }

  /** Of all that passed; asked once, at the end. */
  digest(): Digest {
    return digestFromBytes(this.#hash.digest());
  }
}
