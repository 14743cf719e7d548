import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { isMissing } from '../../base/atomic-file.ts';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import type { SkipReason } from '../events/source-item.ts';

/** A place in a file that survives renaming: rotation changes a file's name and not its inode. */
export type FilePosition = Readonly<{
  inode: string;
  /** Of the next byte. */
  offset: number;
  /** Digest of the file's first bytes: file systems give inodes of deleted files out again. */
  head: string;
}>;

export type FollowedLine = Readonly<
  | { kind: 'line'; text: string; offset: number; after: FilePosition }
  | { kind: 'skipped'; reason: SkipReason; offset: number; after: FilePosition }
  /** Nothing new for now; comes once each time the end is reached. */
  | { kind: 'idle' }
>;

export type FollowOptions = Readonly<{
  from?: FilePosition | undefined;
  /** false: end at the end of the file, a last line without newline included. */
  follow: boolean;
  signal: AbortSignal;
  pollMs?: number;
  lineBytesMax?: number;
}>;

const readBytes = 65_536;
const headBytes = 64;

/**
 * The lines of a file that grows, is renamed away and made anew (rotation) or is emptied in place, from a position on.
 * Reads only as fast as the consumer asks. Holds at most one line.
 */
export async function* followFile(path: string, options: FollowOptions): AsyncGenerator<FollowedLine> {
  const { from, follow, signal } = options;
  const pollMs = options.pollMs ?? 250;
  let next = from === undefined ? { path, offset: 0 } : undefined;
  if (from !== undefined) {
    for (const older of await since(path, from)) {
      if (older === 'lost') yield { kind: 'skipped', reason: 'ROTATED_AWAY', offset: 0, after: from };
      else if (older.path === path) next = older;
      else yield* readToEnd(older.path, older.offset, options, 'HALF_LINE');
    }
  }
  while (!signal.aborted) {
    const file = await openIfThere(path);
    if (file === undefined) {
      if (!follow) return;
      yield { kind: 'idle' };
      await pause(systemTimers, pollMs, signal);
      continue;
    }
    try {
      const reader = new LineReader(file, next?.offset ?? 0, options.lineBytesMax);
      next = undefined;
      await reader.identify();
      for (;;) {
        yield* reader.read();
        if (signal.aborted) return;
        if (!follow) {
          yield* reader.end('line');
          return;
        }
        if (await reader.truncated()) {
          yield reader.skip('FILE_TRUNCATED');
          await reader.restart();
          continue;
        }
        const now = await inodeOf(path);
        if (now !== undefined && now !== reader.inode) {
          // Renamed away, and there is a new one. Whoever writes may have written once more before it noticed.
          yield* reader.read();
          yield* reader.end('HALF_LINE');
          break;
        }
        yield { kind: 'idle' };
        await pause(systemTimers, pollMs, signal);
      }
    } finally {
      await file.close();
    }
  }
}

/** Files to read after a position, oldest first: the rest of the one it is in, whatever came after it, the current one. */
async function since(
  path: string,
  from: FilePosition,
): Promise<(Readonly<{ path: string; offset: number }> | 'lost')[]> {
  const folder = dirname(path);
  const stem = basename(path, extname(path));
  const names = (await readdir(folder)).filter((name) => name.startsWith(stem) && !name.endsWith('.gz'));
  const files: { path: string; inode: string; changedMs: number; size: number }[] = [];
  for (const name of names) {
    const candidate = join(folder, name);
    const found = await stat(candidate, { bigint: true }).catch(() => undefined);
    if (found === undefined || !found.isFile()) continue;
    const changedMs = Number(found.mtimeMs);
    files.push({ path: candidate, inode: String(found.ino), changedMs, size: Number(found.size) });
  }
  // The current file is the newest by definition; the others by when they were written last.
  files.sort((a, b) => Number(a.path === path) - Number(b.path === path) || a.changedMs - b.changedMs);
  const at = files.findIndex((file) => file.inode === from.inode && file.size >= from.offset);
  const found = files[at];
  if (found === undefined || (await headOf(found.path)) !== from.head) return ['lost', { path, offset: 0 }];
  return files.slice(at).map((file, index) => ({ path: file.path, offset: index === 0 ? from.offset : 0 }));
}

async function* readToEnd(
  path: string,
  offset: number,
  options: FollowOptions,
  rest: 'line' | 'HALF_LINE',
): AsyncGenerator<FollowedLine> {
  const file = await openIfThere(path);
  if (file === undefined) return;
  try {
    const reader = new LineReader(file, offset, options.lineBytesMax);
    await reader.identify();
    yield* reader.read();
    yield* reader.end(rest);
  } finally {
    await file.close();
  }
}

class LineReader {
  inode = '';
  readonly #file: FileHandle;
  readonly #lineBytesMax: number;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #head = '';
  /** Offset of the first byte not yet given out. */
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);
  /** In the middle of a line that is too long: everything up to its end is left out. */
  #leaving = false;

  constructor(file: FileHandle, offset: number, lineBytesMax = 1_048_576) {
    this.#file = file;
    this.#offset = offset;
    this.#lineBytesMax = lineBytesMax;
  }

  async identify(): Promise<void> {
    this.inode = String((await this.#file.stat({ bigint: true })).ino);
    this.#head = await headOfFile(this.#file);
  }

  async *read(): AsyncGenerator<FollowedLine> {
    for (;;) {
      const chunk = Buffer.allocUnsafe(readBytes);
      const { bytesRead } = await this.#file.read(chunk, 0, readBytes, this.#offset + this.#rest.length);
      if (bytesRead === 0) return;
      if (this.#head === '') this.#head = await headOfFile(this.#file);
      this.#rest = Buffer.concat([this.#rest, chunk.subarray(0, bytesRead)]);
      for (let end = this.#rest.indexOf(10); end !== -1; end = this.#rest.indexOf(10)) {
        const line = this.#rest.subarray(0, end);
        this.#rest = this.#rest.subarray(end + 1);
        const wasLeaving = this.#leaving;
        this.#leaving = false;
        const start = this.#offset;
        this.#offset += end + 1;
        if (!wasLeaving) yield this.#lineOf(line, start);
      }
      if (this.#rest.length > this.#lineBytesMax) {
        if (!this.#leaving) yield this.skip('LINE_TOO_LONG');
        this.#leaving = true;
        this.#offset += this.#rest.length;
        this.#rest = Buffer.alloc(0);
      }
    }
  }

  /** What stands after the last newline: a line where the file has ended, half of one where it was taken away. */
  *end(as: 'line' | 'HALF_LINE'): Generator<FollowedLine> {
    if (this.#rest.length === 0 || this.#leaving) return;
    const line = this.#rest;
    const start = this.#offset;
    this.#rest = Buffer.alloc(0);
    this.#offset += line.length;
    yield as === 'line' ? this.#lineOf(line, start) : this.skip('HALF_LINE', start);
  }

  async truncated(): Promise<boolean> {
    return (await this.#file.stat()).size < this.#offset + this.#rest.length;
  }

  async restart(): Promise<void> {
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    this.#leaving = false;
    this.#head = await headOfFile(this.#file);
  }

  skip(reason: SkipReason, offset = this.#offset): FollowedLine {
    return { kind: 'skipped', reason, offset, after: this.#position() };
  }

  #lineOf(bytes: Buffer, offset: number): FollowedLine {
    try {
      return { kind: 'line', text: this.#decoder.decode(bytes), offset, after: this.#position() };
    } catch {
      return this.skip('NOT_TEXT', offset);
    }
  }

  #position(): FilePosition {
    return { inode: this.inode, offset: this.#offset, head: this.#head };
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function inodeOf(path: string): Promise<string | undefined> {
  try {
    return String((await stat(path, { bigint: true })).ino);
  } catch (error) {
    // Between the two halves of a rotation.
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function headOf(path: string): Promise<string> {
  const file = await openIfThere(path);
  if (file === undefined) return '';
  try {
    return await headOfFile(file);
  } finally {
    await file.close();
  }
}

/** Empty until the file has enough bytes to tell it apart. */
async function headOfFile(file: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(headBytes);
  const { bytesRead } = await file.read(bytes, 0, headBytes, 0);
  return bytesRead < headBytes ? '' : createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
