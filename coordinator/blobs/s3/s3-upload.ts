import type { Result } from '../../../base/fault.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { BlobFaultCode, BlobWriter, Upload } from '../blob-store.ts';

type Publish = (digest: Digest) => Promise<Result<Digest, BlobFaultCode>>;

/** An upload whose bytes wait in files of this machine, and are whole only when they lie in the bucket too. */
export class PublishedUpload implements Upload {
  readonly #local: Upload;
  readonly #publish: Publish;

  constructor(local: Upload, publish: Publish) {
    this.#local = local;
    this.#publish = publish;
  }

  get received(): number {
    return this.#local.received;
  }

  write(chunk: Uint8Array): Promise<Result<void, BlobFaultCode>> {
    return this.#local.write(chunk);
  }

  async finish(): Promise<Result<Digest, BlobFaultCode>> {
    const whole = await this.#local.finish();
    return whole.ok ? this.#publish(whole.value) : whole;
  }

  release(): Promise<void> {
    return this.#local.release();
  }
}

/** A blob that is written to a file of this machine, and has its name only when it lies in the bucket too. */
export function publishedWriter(local: BlobWriter, publish: (digest: Digest) => Promise<void>): BlobWriter {
  return {
    write: (bytes) => local.write(bytes),
    async commit() {
      const digest = await local.commit();
      await publish(digest);
      return digest;
    },
    abandon: () => local.abandon(),
  };
}
