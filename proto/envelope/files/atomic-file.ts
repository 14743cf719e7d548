import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { type Fault, refuse } from '../../../base/fault.ts';

/**
 * A file that appears whole or not at all: written under a temporary name beside its own, fsynced, renamed, and the
 * folder fsynced. Readable by its owner alone. A process killed half-way leaves `<name>.<16 hex digits>.partial`, which
 * its folder's owner may delete at start. Methods throw the system's errors; see `storageFault`.
 */
export class AtomicFile {
  readonly #path: string;
  readonly #partialPath: string;
  #fd: number | undefined;

  constructor(filePath: string) {
    this.#path = filePath;
    this.#partialPath = `${filePath}.${randomBytes(8).toString('hex')}.partial`;
    this.#fd = openSync(this.#partialPath, 'wx', 0o600);
  }

  /** Appends all of the bytes. */
  write(bytes: Uint8Array): void {
    if (this.#fd === undefined) throw new Error('atomic file: already committed or abandoned');
    let written = 0;
    while (written < bytes.byteLength) written += writeSync(this.#fd, bytes, written);
  }

  /** Puts the file in its place, over an older one of its name. On disk when this returns. */
  commit(): void {
    if (this.#fd === undefined) throw new Error('atomic file: already committed or abandoned');
    try {
      fsyncSync(this.#fd);
      this.#closeFd();
      renameSync(this.#partialPath, this.#path);
    } catch (error) {
      this.abandon();
      throw error;
    }
    syncFolder(path.dirname(this.#path));
  }

  /** Leaves nothing behind. Does nothing after `commit` or a second time. */
  abandon(): void {
    this.#closeFd();
    rmSync(this.#partialPath, { force: true }); // After a commit the name is gone, and force forgives that.
  }

  #closeFd(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined; // Before closing: a descriptor whose close failed must not be closed again.
    closeSync(fd);
  }
}

/** Makes a rename in the folder durable. */
function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads from `position` until `target` is full or the file ends; returns how many bytes it got. */
export function readFully(fd: number, target: Uint8Array, position: number): number {
  let filled = 0;
  while (filled < target.byteLength) {
    const got = readSync(fd, target, filled, target.byteLength - filled, position + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}

/** A system error as a fault; anything else is a bug of ours and is thrown on. */
export function storageFault(action: string, error: unknown): Fault<'STORAGE_FAILED'> {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string' || syscall === undefined) throw error;
  return refuse(
    'STORAGE_FAILED',
    `${action}: ${syscall} failed with ${code}; check the path, its rights and free space`,
    {
      errno: code,
    },
  ).fault;
}
