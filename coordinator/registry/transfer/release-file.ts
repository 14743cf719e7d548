/**
 * A release as one file. "TSTDREL1", then records until the end: name length (1 byte), name (ASCII), length (u64
 * big-endian), bytes. In this order: `roots/N.json` from 1 on, `targets.json`, `manifest.json`, then the manifest's files by name.
 * What is in it is trusted for its signatures and digests alone, so the form itself has no checksum.
 */
const magic = Buffer.from('TSTDREL1');
const lengthBytes = 8;

export function* recordHead(name: string, bytes: number): Generator<Uint8Array> {
  const length = Buffer.alloc(lengthBytes);
  length.writeBigUInt64BE(BigInt(bytes));
  yield Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'ascii'), length]);
}

export function fileHead(): Uint8Array {
  return magic;
}

/** The file ends too early, or is none of these. */
export class ReleaseFileError extends Error {}

/** Reads a file piece by piece: at most one chunk of what came is held. */
export class ReleaseFileReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(file: AsyncIterable<Uint8Array>) {
    this.#chunks = file[Symbol.asyncIterator]();
  }

  async start(): Promise<void> {
    const head = await this.#exactly(magic.byteLength);
    if (!magic.equals(head))
      throw new ReleaseFileError('it is no release file: export one with `testudo releases export`');
  }

  /** The next record's name and length; undefined at the end. Read its bytes before the next. */
  async next(): Promise<Readonly<{ name: string; bytes: number }> | undefined> {
    if (!(await this.#fill())) return undefined;
    const [nameLength] = await this.#exactly(1);
    const name = (await this.#exactly(nameLength as number)).toString('latin1');
    if (!/^[a-z0-9][a-z0-9./-]{0,99}$/.test(name)) throw new ReleaseFileError('a record has no legal name');
    const bytes = Number((await this.#exactly(lengthBytes)).readBigUInt64BE());
    if (!Number.isSafeInteger(bytes)) throw new ReleaseFileError(`record ${name} has no legal length`);
    return { name, bytes };
  }

  /** All of a short record's bytes. */
  async whole(bytes: number, bytesMax: number): Promise<Buffer> {
    if (bytes > bytesMax)
      throw new ReleaseFileError(`a record has ${bytes} bytes; at most ${bytesMax} are allowed there`);
    return this.#exactly(bytes);
  }

  /** A record's bytes as they come. */
  async *pieces(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      if (!(await this.#fill())) throw new ReleaseFileError('it ends too early: the export or its copy was cut off');
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.byteLength);
      left -= piece.byteLength;
      yield piece;
    }
  }

  async #exactly(bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const piece of this.pieces(bytes)) parts.push(piece);
    return Buffer.concat(parts);
  }

  async #fill(): Promise<boolean> {
    while (this.#held.byteLength === 0) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return false;
      this.#held = value;
    }
    return true;
  }
}
