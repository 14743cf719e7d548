import { isUtf8 } from 'node:buffer';
import type { SkipReason, SourceLoss } from '../../events/source-item.ts';
import type { FilePosition, FollowedLine } from './followed-line.ts';
import type { OpenedFile } from './opened-file.ts';

const chunkBytes = 65_536;
const tailBytes = 1_024;
const firstBytes = 64;
const newline = 10;
const byteOrderMark = 0xfeff;

/** Where reading begins, and under which identity positions are given where the file is a copy of the one that was read. */
export type ReadFrom = Readonly<{ offset: number; as?: Readonly<{ inode: string; head: string }> | undefined }>;

/** The lines of one opened file, from an offset on. Holds one chunk and at most one line. */
export class LineReader {
  readonly file: OpenedFile;
  readonly #lineBytesMax: number;
  #inode: string;
  #head: string;
  readonly #isRenamed: boolean;
  /** Offset of the first byte not yet given out. */
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  /** Chunks are read into it, each behind the rest of the one before: nothing is copied but that rest. */
  #buffer: Buffer = Buffer.alloc(0);
  /** The first and the last bytes of what was read: a file in which they no longer stand was emptied and written anew. */
  #first: Buffer = Buffer.alloc(0);
  #tail: Buffer = Buffer.alloc(0);
  /** In the middle of a line that is too long: everything up to its end is left out. */
  #leaving = false;
  #size = 0;
  #writtenMs = 0;

  private constructor(file: OpenedFile, { offset, as }: ReadFrom, head: string, lineBytesMax: number) {
    this.file = file;
    this.#offset = offset;
    this.#inode = as?.inode ?? file.inode;
    this.#head = as?.head ?? head;
    this.#isRenamed = as !== undefined;
    this.#lineBytesMax = lineBytesMax;
    this.#note();
  }

  static async open(file: OpenedFile, from: ReadFrom, lineBytesMax = 1_048_576): Promise<LineReader> {
    const reader = new LineReader(file, from, await file.head(), lineBytesMax);
    reader.#tail = await file.before(from.offset, tailBytes);
    reader.#first = await file.before(Math.min(from.offset, firstBytes), firstBytes);
    return reader;
  }

  get identity(): Readonly<{ inode: string; head: string }> {
    return { inode: this.#inode, head: this.#head };
  }

  get position(): FilePosition {
    return {
      inode: this.#inode,
      offset: this.#offset,
      head: this.#head,
      writtenMs: this.#writtenMs,
      size: this.#size,
    };
  }

  /** What a copy of the file must hold to be the same file up to here: how it begins, and the bytes before this place. */
  get read(): Readonly<{ end: number; first: Buffer; tail: Buffer }> {
    return { end: this.#offset + this.#rest.length, first: this.#first, tail: this.#tail };
  }

  /** Whether the file was emptied in place, and perhaps written anew, since it was read. */
  get isReplaced(): boolean {
    if (this.file.isPacked) return false;
    const end = this.#offset + this.#rest.length;
    if (this.file.stat().size < end) return true;
    return !this.file.holdsNow(end, this.#tail) || !this.file.holdsNow(this.#first.length, this.#first);
  }

  /** Bytes that were there when the file was last looked at, and were not read. */
  get unreadBytes(): number {
    return Math.max(0, this.#size - this.#offset);
  }

  /** The lines that one more chunk ends, if any; undefined at the end of the file, for now. */
  async next(): Promise<FollowedLine[] | undefined> {
    const held = this.#rest.length;
    const buffer = this.#withRoom(held + chunkBytes);
    const bytesRead = await this.file.readInto(buffer, held, this.#offset + held);
    if (bytesRead === 0) return undefined;
    if (this.#head === '' && !this.#isRenamed) this.#head = await this.file.head();
    this.#note();
    const bytes = buffer.subarray(0, held + bytesRead);
    const chunk = bytes.subarray(held);
    this.#remember(chunk);
    return this.#linesOf(bytes, chunk.lastIndexOf(newline) + held);
  }

  /** The rest of the last chunk at the beginning of a buffer that has room for so many bytes. */
  #withRoom(bytes: number): Buffer {
    const buffer = this.#buffer.length < bytes ? Buffer.allocUnsafe(2 * bytes) : this.#buffer;
    this.#rest.copy(buffer);
    this.#buffer = buffer;
    this.#rest = buffer.subarray(0, this.#rest.length);
    return buffer.subarray(0, bytes);
  }

  /** What stands after the last newline: a line where the file has ended, half of one where it was taken away. */
  end(as: 'line' | 'HALF_LINE'): FollowedLine[] {
    if (this.#rest.length === 0 || this.#leaving) return [];
    const line = this.#rest;
    const start = this.#offset;
    this.#rest = Buffer.alloc(0);
    this.#offset += line.length;
    return [as === 'line' ? this.#lineOf(line, start, isUtf8(line)) : this.skip('HALF_LINE', start)];
  }

  skip(reason: SkipReason, offset = this.#offset, loss?: SourceLoss): FollowedLine {
    return { kind: 'skipped', reason, offset, after: this.position, ...(loss !== undefined && { loss }) };
  }

  /** `last` is where the last newline stands in `bytes`, or before their new part where there is none. */
  #linesOf(bytes: Buffer, last: number): FollowedLine[] {
    const lines: FollowedLine[] = [];
    const allText = isUtf8(bytes.subarray(0, last + 1));
    let start = 0;
    // A held rest has no newline, so the search begins behind it.
    for (let end = bytes.indexOf(newline, this.#rest.length); end !== -1; end = bytes.indexOf(newline, start)) {
      const line = bytes.subarray(start, end);
      const offset = this.#offset;
      const wasLeaving = this.#leaving;
      start = end + 1;
      this.#leaving = false;
      this.#offset = offset + line.length + 1;
      if (!wasLeaving) lines.push(this.#lineOf(line, offset, allText || isUtf8(line)));
    }
    this.#rest = bytes.subarray(start);
    if (this.#rest.length > this.#lineBytesMax) {
      const isHole = !this.#leaving && zeros(this.#rest) === this.#rest.length;
      if (!this.#leaving && !isHole) lines.push(this.skip('LINE_TOO_LONG'));
      this.#leaving ||= !isHole;
      this.#offset += this.#rest.length;
      this.#rest = Buffer.alloc(0);
    }
    return lines;
  }

  #lineOf(bytes: Buffer, offset: number, isText: boolean): FollowedLine {
    // A file that was emptied under a writer that does not append begins with a hole, which reads as zeros.
    const text = withoutMark(bytes[0] === 0 ? bytes.subarray(zeros(bytes)) : bytes);
    const after = this.position;
    return isText ? { kind: 'line', text, offset, after } : { kind: 'line', text, offset, after, repaired: true };
  }

  #remember(chunk: Buffer): void {
    if (this.#first.length < firstBytes)
      this.#first = Buffer.concat([this.#first, chunk.subarray(0, firstBytes - this.#first.length)]);
    const tail = chunk.length >= tailBytes ? chunk : Buffer.concat([this.#tail, chunk]);
    this.#tail = Buffer.from(tail.subarray(-tailBytes));
  }

  #note(): void {
    const { size, writtenMs } = this.file.stat();
    this.#size = size;
    this.#writtenMs = writtenMs;
  }
}

function withoutMark(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text;
}

function zeros(bytes: Buffer): number {
  let count = 0;
  while (bytes[count] === 0) count += 1;
  return count;
}
