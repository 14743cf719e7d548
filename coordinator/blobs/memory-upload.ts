import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import type { Digest } from '../../proto/ids.ts';
import { letGo } from './blob-fault.ts';
import type { BlobFaultCode, Upload, UploadKey } from './blob-store.ts';

type UploadEnds = Readonly<{
  /** Called with the bytes when they are whole; without where the blob was there before. */
  stored: (bytes: Uint8Array<ArrayBuffer> | undefined) => void;
  /** Nothing of it is kept any more. */
  ended: () => void;
}>;

/** An upload whose chunks wait in memory; it outlives its stream until it is whole or dropped. */
export class MemoryUpload implements Upload {
  readonly bytes: number;
  readonly #digest: Digest;
  #chunks: Uint8Array[] = [];
  #received = 0;
  #ends: UploadEnds | undefined;

  /** `isStored`: the blob is there already, so that the upload counts as whole. */
  constructor({ digest, bytes }: UploadKey, isStored: boolean) {
    this.#digest = digest;
    this.bytes = bytes;
    if (isStored) this.#received = bytes;
  }

  get received(): number {
    return this.#received;
  }

  get remaining(): number {
    return this.bytes - this.#received;
  }

  get isOpen(): boolean {
    return this.#ends !== undefined;
  }

  open(ends: UploadEnds): void {
    this.#ends = ends;
  }

  async write(chunk: Uint8Array): Promise<Result<void, BlobFaultCode>> {
    if (chunk.byteLength === 0) return ok(undefined);
    if (this.#ends === undefined) return letGo();
    if (chunk.byteLength > this.remaining) {
      return refuse('LENGTH_MISMATCH', `more bytes than the ${this.bytes} announced; send exactly those`);
    }
    this.#chunks.push(new Uint8Array(chunk)); // Not `slice`: of a Buffer that is no copy.
    this.#received += chunk.byteLength;
    return ok(undefined);
  }

  async finish(): Promise<Result<Digest, BlobFaultCode>> {
    const ends = this.#ends;
    if (ends === undefined) return letGo();
    if (this.remaining > 0) {
      return refuse('LENGTH_MISMATCH', `${this.#received} of ${this.bytes} bytes came; resume the upload there`, {
        received: this.#received,
      });
    }
    const whole = this.#chunks.length === 0 && this.bytes > 0 ? undefined : new Uint8Array(Buffer.concat(this.#chunks));
    this.#ends = undefined;
    ends.ended();
    if (whole !== undefined && digestOf(whole) !== this.#digest) {
      return refuse('DIGEST_MISMATCH', 'the bytes do not have the announced digest; send the update again');
    }
    ends.stored(whole);
    return ok(this.#digest);
  }

  async release(): Promise<void> {
    this.#ends = undefined;
  }
}
