/**
 * Files that appear whole or not at all: written under a temporary name, synced, renamed, and the folder synced, for
 * without that a power cut may take the name back. All functions throw, or reject with, the system's errors.
 */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Owner only: most of what is written is keys, memberships and examples. */
export const privateFileMode = 0o600;
export const privateFolderMode = 0o700;
/** What every new file has, less the umask: for what a user asked to have written. */
export const sharedFileMode = 0o666;

export type AtomicOptions = Readonly<{
  /** Permissions. `privateFileMode` unless given. */
  mode?: number;
  /** False for what can be made again, such as a cache: nothing is synced, and a power cut may take it. True unless given. */
  durable?: boolean;
  /** Where it is written until it is whole, on the same file system. Beside its own name, `temporaryOf`, unless given. */
  temporary?: string;
  /** Makes renames in a folder durable: for many at once. `syncPath` unless given. */
  syncFolder?: (folder: string) => Promise<void>;
}>;

/** A name beside `path` that no other writer uses. `sweepLeftovers` knows it again. */
export function temporaryOf(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.partial`;
}

/** The name beside `path` for one writer at a time: what a killed one left is written over by the next. */
export function partialOf(path: string): string {
  return `${path}.partial`;
}

/**
 * Where a file is written until it is whole, of a name that a user gave: beside it. Where a device or a pipe has the name
 * (/dev/null, /dev/stdout), there: a file must not take its place.
 */
export function writingPlaceOf(path: string): string {
  return isReplaceable(path) ? partialOf(path) : path;
}

/** Removes what was written to `writingPlaceOf(path)` and is of no use. */
export async function discardWriting(place: string, path: string): Promise<void> {
  if (place !== path) await rm(place, { force: true });
}

/** Standard output may be a file; the link that leads to it (/dev/stdout, by way of /proc) is none. */
function isReplaceable(path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && /^\/(?:proc|dev)\//.test(readlinkSync(path))) {
    return false;
  }
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined || found.isFile() || found.isDirectory();
}

/**
 * Replaces `path` with `bytes` in one step: readers, and a restart after a crash at any instant, see the old content or
 * the new one. Durable, if it is to be, when this resolves. Makes the folder where there is none.
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: AtomicOptions = {},
): Promise<void> {
  makeFolder(dirname(path), privateFolderMode);
  const writing = await openAtomic(path, options);
  try {
    await writing.file.writeFile(bytes);
    await writing.commit();
  } finally {
    await writing.abandon();
  }
}

/** A file on its way to its name, written through `file`. */
export type AtomicWriting = Readonly<{
  file: FileHandle;
  /** Puts it in its place, over an older one of its name. */
  commit(): Promise<void>;
  /** Leaves nothing behind. Does nothing after `commit` or a second time. */
  abandon(): Promise<void>;
}>;

export async function openAtomic(path: string, options: AtomicOptions = {}): Promise<AtomicWriting> {
  const { mode = privateFileMode, temporary = isReplaceable(path) ? temporaryOf(path) : path } = options;
  const file = await open(temporary, temporary === path ? 'w' : flagFor(options), mode);
  let ended = false;
  return {
    file,
    async commit() {
      await commitFile(temporary, path, { ...options, file });
      ended = true;
      await file.close();
    },
    async abandon() {
      if (ended) return;
      ended = true;
      await file.close();
      await discardWriting(temporary, path);
    },
  };
}

/** Gives what lies whole under `temporary` its own name. `file`: a handle on it that is open already. */
export async function commitFile(
  temporary: string,
  path: string,
  {
    file,
    durable = true,
    syncFolder = syncPath,
  }: Pick<AtomicOptions, 'durable' | 'syncFolder'> & { file?: FileHandle | undefined } = {},
): Promise<void> {
  if (temporary === path) return;
  if (durable) await (file === undefined ? syncPath(temporary) : file.sync());
  await rename(temporary, path);
  if (durable) await syncFolder(dirname(path));
}

/** Gives a folder that is whole the name of another, which is removed. On one file system; a missing other is none. */
export async function replaceFolder(fresh: string, path: string): Promise<void> {
  const former = temporaryOf(path);
  await rename(path, former).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  await rename(fresh, path);
  await rm(former, { recursive: true, force: true });
}

/** Appends to a file; on disk when this resolves. */
export async function appendDurably(file: FileHandle, text: string): Promise<void> {
  await file.appendFile(text);
  await file.sync();
}

/** Makes what was written to a file, or renamed and removed in a folder, durable. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** As `openAtomic`, for threads that may block; `write` takes pieces. */
export class AtomicFile {
  readonly #path: string;
  readonly #temporary: string;
  #fd: number | undefined;

  constructor(path: string, options: Pick<AtomicOptions, 'mode' | 'temporary'> = {}) {
    this.#path = path;
    this.#temporary = options.temporary ?? temporaryOf(path);
    this.#fd = openSync(this.#temporary, flagFor(options), options.mode ?? privateFileMode);
  }

  /** Appends all of the bytes. */
  write(bytes: Uint8Array): void {
    if (this.#fd === undefined) throw new Error('atomic file: already committed or abandoned');
    let written = 0;
    while (written < bytes.byteLength) written += writeSync(this.#fd, bytes, written);
  }

  /** Puts the file in its place, over an older one of its name. `path`: a name that is known only now. */
  commit({ path = this.#path, durable = true }: { path?: string; durable?: boolean } = {}): void {
    if (this.#fd === undefined) throw new Error('atomic file: already committed or abandoned');
    try {
      if (durable) fsyncSync(this.#fd);
      this.#closeFd();
      renameSync(this.#temporary, path);
    } catch (error) {
      this.abandon();
      throw error;
    }
    if (durable) syncPathNow(dirname(path));
  }

  /** Leaves nothing behind. Does nothing after `commit` or a second time. */
  abandon(): void {
    this.#closeFd();
    rmSync(this.#temporary, { force: true }); // After a commit the name is gone, and force forgives that.
  }

  #closeFd(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined; // Before closing: a descriptor whose close failed must not be closed again.
    closeSync(fd);
  }
}

/**
 * Writes a file that must not be there yet, durably: somebody's only copy is never written over. Throws EEXIST where it
 * is. A crash half-way may leave it unfinished, for its name is taken first.
 */
export function writeNewFile(path: string, bytes: Uint8Array | string, mode: number = privateFileMode): void {
  writeFileSync(path, bytes, { flag: 'wx', mode, flush: true });
  syncPathNow(dirname(path));
}

/** A name of our own making is nobody else's; one that was given may be what a killed writer left. */
function flagFor({ temporary }: Pick<AtomicOptions, 'temporary'>): 'w' | 'wx' {
  return temporary === undefined ? 'wx' : 'w';
}

function syncPathNow(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Names of files that were on their way to another name: those of `temporaryOf`, now and in earlier versions. */
const leftover = /\.(?:[0-9a-f]{16}\.partial|[0-9a-f]{12}\.tmp)$/;

/**
 * Removes what a process that was killed left half-written below a folder, and says how many files it was. Only under the
 * folder's lock: while its owner runs, such files are its work. `names`: what such files are called.
 */
export async function sweepLeftovers(folder: string, names: RegExp = leftover): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const found = entries.filter((entry) => entry.isFile() && names.test(entry.name));
  await Promise.all(found.map(({ parentPath, name }) => rm(join(parentPath, name), { force: true })));
  return found.length;
}

/**
 * Makes a folder and what is missing above it, as `mkdir -p` does, with `mode` less the umask, and gives the uppermost that it made;
 * undefined where all was there. Throws the system's error. Node's own `recursive` goes on for ever where a file system takes no
 * folder and says ENOENT of it though the one above is there, as /proc does: a mistyped `--out` hung without a word.
 */
export function makeFolder(path: string, mode = 0o777): string | undefined {
  const at = resolve(path);
  if (isFolder(at)) return undefined;
  const above = existsSync(dirname(at)) ? undefined : makeFolder(dirname(at), mode);
  try {
    mkdirSync(at, mode);
    return above ?? at;
  } catch (error) {
    if (isFolder(at)) return above; // Somebody else made it meanwhile.
    throw error;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Whether a file system error means that something is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
}

/** Whether the system, or SQLite, refused for want of room: a disk that is full, or a quota. SQLite has a word of its own where its index of a log has none. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE';
}

/**
 * Makes a file that others will open and grow (a database, a lock) ours alone, whatever the umask: made where there is
 * none, tightened where its mode is wider. Throws where it is another user's. A file that is there is never opened:
 * closing it would drop the locks that this process has on it (fcntl, POSIX.1).
 */
export function ensurePrivateFile(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', privateFileMode));
  tighten(path, privateFileMode);
}

/** The same for a folder, made with its parents where there is none. */
export function ensurePrivateFolder(path: string): void {
  makeFolder(path, privateFolderMode);
  tighten(path, privateFolderMode);
}

function tighten(path: string, mode: number): void {
  if ((statSync(path).mode & 0o777 & ~mode) !== 0) chmodSync(path, mode);
}
