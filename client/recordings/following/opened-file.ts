import { createHash } from 'node:crypto';
import { constants, fstatSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isMissing } from '../../../base/atomic-file.ts';
import { decompressed } from '../compressed/decompressed.ts';
import { xzTextBytes } from '../compressed/xz-text-bytes.ts';
import { packedEnding } from './rotated-names.ts';

const readBytes = 65_536;
const headBytes = 64;
const beginningBytes = 4_096;

/**
 * A file that stays readable although it is renamed or deleted, and in the same way when it is packed: positions are
 * those of the unpacked text.
 */
export class OpenedFile {
  readonly inode: string;
  readonly isPacked: boolean;
  readonly #handle: FileHandle;
  #unpacking: AsyncGenerator<Uint8Array> | undefined;
  /** Of the unpacked text: what was unpacked and not yet asked for, and where it begins. */
  #unpacked: Buffer = Buffer.alloc(0);
  #unpackedAt = 0;

  private constructor(handle: FileHandle, inode: string, isPacked: boolean) {
    this.#handle = handle;
    this.inode = inode;
    this.isPacked = isPacked;
  }

  /** undefined: there is none, or no regular file. Waits for nobody: opening a pipe would, until somebody writes to it. */
  static async open(path: string): Promise<OpenedFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      if (isMissing(error) || codeOf(error) === 'ENXIO') return undefined;
      throw error;
    }
    const found = fstatSync(handle.fd, { bigint: true });
    if (!found.isFile()) {
      await handle.close();
      return undefined;
    }
    return new OpenedFile(handle, String(found.ino), packedEnding.test(path));
  }

  /** Bytes of the file as it lies there, and when it was last written. What the kernel knows: no thread is asked. */
  stat(): Readonly<{ size: number; writtenMs: number }> {
    const { size, mtimeMs } = fstatSync(this.#handle.fd);
    return { size, writtenMs: mtimeMs };
  }

  /**
   * Reads some bytes from a position on into a buffer, from `at` on, and says how many: 0 at the end, for now. Of a packed file
   * positions can only grow.
   */
  async readInto(buffer: Buffer, at: number, position: number): Promise<number> {
    if (this.isPacked) return (await this.#readPacked(position, buffer.length - at)).copy(buffer, at);
    return (await this.#handle.read(buffer, at, buffer.length - at, position)).bytesRead;
  }

  /** Whether these bytes stand before a position, as the kernel says it: of a file that is not packed. */
  holdsNow(position: number, bytes: Uint8Array): boolean {
    return this.#peek(position - bytes.length, bytes.length).equals(bytes);
  }

  /** As `holdsNow`, for packed files too; false where the file is shorter. */
  async holdsBefore(position: number, bytes: Uint8Array): Promise<boolean> {
    return (await this.before(position, bytes.length)).equals(bytes);
  }

  /** The bytes before a position, at most so many. */
  async before(position: number, bytesMax: number): Promise<Buffer> {
    const start = Math.max(0, position - bytesMax);
    return this.isPacked ? this.#unpackedRange(start, position - start) : this.#peek(start, position - start);
  }

  /** Whether there are so many bytes, unpacked. */
  async holds(bytes: number): Promise<boolean> {
    if (!this.isPacked) return this.stat().size >= bytes;
    return bytes === 0 || (await this.#unpackedRange(bytes - 1, 1)).length === 1;
  }

  /** Up to the first 4 KiB: what tells a file from others after it was copied or packed. */
  async beginning(): Promise<Buffer> {
    if (!this.isPacked) return this.#peek(0, beginningBytes);
    return this.#unpackedRange(0, beginningBytes);
  }

  /** Whether it is packed, and nothing of it can be unpacked. */
  async isBroken(): Promise<boolean> {
    if (!this.isPacked || this.stat().size === 0) return false;
    const unpacking = this.#unpack();
    try {
      await unpacking.next();
      return false;
    } catch {
      return true;
    } finally {
      await unpacking.return(undefined).catch(() => undefined);
    }
  }

  /** Bytes of the text of a file that xz packed, as it says itself; undefined: another packing, or not whole. */
  async bytesOfXz(): Promise<number | undefined> {
    const { size } = this.stat();
    return xzTextBytes((position, length) => this.#peek(position, length), size);
  }

  /** Digest of the first 64 bytes; empty until there are so many. */
  async head(): Promise<string> {
    const bytes = this.isPacked ? await this.#unpackedRange(0, headBytes) : this.#peek(0, headBytes);
    return bytes.length < headBytes ? '' : createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  }

  async close(): Promise<void> {
    await this.#unpacking?.return(undefined).catch(() => undefined);
    await this.#handle.close();
  }

  #peek(position: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(this.#handle.fd, bytes, 0, length, Math.max(0, position)));
  }

  /** Without the bytes that `read` is at. What is broken reads as far as it goes. */
  async #unpackedRange(position: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let at = 0;
    try {
      for await (const chunk of this.#unpack()) {
        const [start, end] = [Math.max(0, position - at), Math.min(chunk.length, position + length - at)];
        if (end > start) parts.push(Buffer.from(chunk.subarray(start, end)));
        at += chunk.length;
        if (at >= position + length) break;
      }
    } catch {
      // Being packed just now, or broken: reading it will say so.
    }
    return Buffer.concat(parts);
  }

  async #readPacked(position: number, bytesMax: number): Promise<Buffer> {
    this.#unpacking ??= this.#unpack();
    for (;;) {
      const skip = position - this.#unpackedAt;
      if (skip < this.#unpacked.length) {
        this.#unpacked = this.#unpacked.subarray(skip);
        this.#unpackedAt = position;
        return this.#unpacked.subarray(0, bytesMax);
      }
      this.#unpackedAt += this.#unpacked.length;
      const next = await this.#unpacking.next();
      this.#unpacked = next.done ? Buffer.alloc(0) : Buffer.from(next.value);
      if (next.done) return this.#unpacked;
    }
  }

  #unpack(): AsyncGenerator<Uint8Array> {
    return decompressed(this.#packedBytes());
  }

  /** A stream of the handle would close it. */
  async *#packedBytes(): AsyncGenerator<Buffer> {
    for (let position = 0; ; ) {
      const chunk = Buffer.allocUnsafe(readBytes);
      const { bytesRead } = await this.#handle.read(chunk, 0, readBytes, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  }
}

/** Whether a file is there, or may be, that cannot be opened for now; what this process lacks (EMFILE) is not the file's. */
export function isUnreadable(error: unknown): boolean {
  return /^(?:EACCES|EPERM|ELOOP|EIO|ENOTDIR|ESTALE|ENODEV|EBUSY)$/.test(codeOf(error) ?? '');
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
