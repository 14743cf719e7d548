/**
 * Where the frames of zstd data begin and end: RFC 8878, section 3.1. Node's decompressor stops at the end of the first
 * frame that ends within a write, and takes data that end too early for whole; so the frames are told apart here.
 */
const magic = 0xfd2fb528;
const magicLength = 4;
const magicBytes = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Whether data begin as zstd's do, with a frame or with one to pass over; data shorter than a magic number may be cut. */
export function isZstd(head: Buffer): boolean {
  if (head.length < magicLength) return head.length >= 2 && head.equals(magicBytes.subarray(0, head.length));
  const found = head.readUInt32LE(0);
  return found === magic || isSkippable(found);
}

/**
 * The bytes of the frames that hold data, in pieces of which none reaches into the next frame. Skippable frames and zeros
 * behind a frame are left out. Throws for what is no frame, with zstd's own code; and, after everything that is there, for
 * data that end too early, with the code and the words that gunzip has for that.
 */
export async function* zstdFrames(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const frames = new FrameSplitter();
  for await (const chunk of source) yield* frames.push(chunk);
  if (!frames.isBetween) throw withCode('unexpected end of file', 'Z_BUF_ERROR');
}

/** What the next bytes are, once `#passing` more went by. */
type Field = 'magic' | 'skippedLength' | 'descriptor' | 'blockHeader';

const lengthOf: Readonly<Record<Field, number>> = {
  magic: magicLength,
  skippedLength: 4,
  descriptor: 1,
  blockHeader: 3,
};

class FrameSplitter {
  #field: Field = 'magic';
  /** Bytes of the field that have come. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of content that come before the field. */
  #passing = 0;
  /** Within a frame that holds data. */
  #isKept = false;
  #hasChecksum = false;

  get isBetween(): boolean {
    return this.#field === 'magic' && this.#passing === 0 && this.#held.every((byte) => byte === 0);
  }

  *push(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    let start = 0;
    while (at < chunk.length) {
      if (this.#passing > 0) {
        const length = Math.min(this.#passing, chunk.length - at);
        this.#passing -= length;
        at += length;
      } else {
        const end = Math.min(chunk.length, at + lengthOf[this.#field] - this.#held.length);
        this.#held = Buffer.concat([this.#held, chunk.subarray(at, end)]);
        at = end;
        if (this.#held.length === lengthOf[this.#field]) {
          const bytes = this.#held;
          this.#held = Buffer.alloc(0);
          this.#read(bytes);
          if (this.#field === 'descriptor') {
            yield magicBytes;
            start = at;
          }
        }
      }
      if (this.#isKept && this.#field === 'magic' && this.#passing === 0) {
        if (at > start) yield chunk.subarray(start, at);
        this.#isKept = false;
      }
    }
    if (this.#isKept && at > start) yield chunk.subarray(start);
  }

  #read(bytes: Buffer): void {
    const value = bytes.readUIntLE(0, bytes.length);
    if (this.#field === 'magic') this.#readMagic(value);
    else if (this.#field === 'descriptor') this.#readDescriptor(value);
    else if (this.#field === 'blockHeader') this.#readBlockHeader(value);
    else {
      this.#passing = value;
      this.#field = 'magic';
    }
  }

  #readMagic(found: number): void {
    if (found === magic) {
      this.#field = 'descriptor';
      this.#isKept = true;
    } else if (isSkippable(found)) this.#field = 'skippedLength';
    else if (found !== 0) throw withCode('what follows a zstd frame is no zstd frame', 'ZSTD_error_prefix_unknown');
  }

  #readDescriptor(flags: number): void {
    const isSingleSegment = ((flags >> 5) & 1) === 1;
    const sizeFlag = flags >> 6;
    const sizeLength = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag;
    const dictionaryLength = [0, 1, 2, 4][flags & 3] as number;
    this.#hasChecksum = ((flags >> 2) & 1) === 1;
    this.#passing = Number(!isSingleSegment) + dictionaryLength + sizeLength;
    this.#field = 'blockHeader';
  }

  #readBlockHeader(header: number): void {
    const isLast = (header & 1) === 1;
    const isRunOfOneByte = ((header >> 1) & 3) === 1;
    this.#passing = (isRunOfOneByte ? 1 : header >> 3) + (isLast && this.#hasChecksum ? 4 : 0);
    this.#field = isLast ? 'magic' : 'blockHeader';
  }
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

function isSkippable(found: number): boolean {
  return found >= 0x184d2a50 && found <= 0x184d2a5f;
}
