import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ensurePrivateFile, ensurePrivateFolder, isDiskFull, privateFileMode } from './atomic-file.ts';
import { ok, type Result, refuse } from './fault.ts';

export type FolderLock = Readonly<{
  /** May be called twice. */
  release(): void;
}>;

/** What is not released is held until the process ends, whoever forgets it: a database that is collected closes its file. */
const held = new Set<Database.Database>();

/**
 * Takes a folder, made where there is none and closed to other users where it was open to them, for this process alone. The lock is an exclusive SQLite transaction on
 * `<folder>/lock`, that is a record lock of the kernel: it ends with the process however that ends, so no stale lock is
 * ever left to remove. Who holds it stands in `<folder>/lock-holder.json`, for people. On file systems without record
 * locks (some network mounts) two processes may both get it.
 */
export function lockFolder(folder: string): Result<FolderLock, 'FOLDER_IN_USE' | 'FOLDER_UNUSABLE' | 'DISK_FULL'> {
  const holderFile = join(folder, 'lock-holder.json');
  let database: Database.Database | undefined;
  try {
    ensurePrivateFolder(folder);
    ensurePrivateFile(join(folder, 'lock'));
    database = new Database(join(folder, 'lock'), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    sayWhoHolds(holderFile);
    const lock = database;
    held.add(lock);
    return ok({
      release() {
        held.delete(lock);
        lock.close();
      },
    });
  } catch (error) {
    database?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      const holder = describeHolder(holderFile);
      return refuse('FOLDER_IN_USE', `${folder} is in use (${holder}); stop that one, or choose another folder`);
    }
    if (isDiskFull(error)) return refuse('DISK_FULL', `no space is left for ${folder}; free space and start again`);
    const text = error instanceof Error ? error.message : String(error);
    return refuse('FOLDER_UNUSABLE', `${folder} cannot be used (${text}); check its owner and its mount`);
  }
}

/** For people alone: a disk that is full keeps nobody from the lock. */
function sayWhoHolds(holderFile: string): void {
  try {
    const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(holderFile, JSON.stringify(holder), { mode: privateFileMode });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  }
}

function describeHolder(holderFile: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(holderFile, 'utf8')) as Record<string, unknown>;
    return `process ${String(pid)} on ${String(host)} since ${String(since)}`;
  } catch {
    return 'its holder has not said who it is';
  }
}
