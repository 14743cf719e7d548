import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ok, type Result, refuse } from '../../base/fault.ts';

export type DataDirLock = Readonly<{
  /** May be called twice. */
  release(): void;
}>;

/**
 * Takes a data directory for this process alone. The lock is an exclusive SQLite transaction on `<dir>/lock`, that is
 * a record lock of the kernel: it ends with the process however that ends, so no stale lock is ever left to remove.
 * On file systems without record locks (some network mounts) two processes may both get it: then the journal's
 * fencing epoch keeps the older one from writing.
 */
export function lockDataDir(dir: string): Result<DataDirLock, 'DATA_DIR_LOCKED' | 'DATA_DIR_UNUSABLE'> {
  const holderFile = join(dir, 'lock-holder.json');
  let db: Database.Database | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    db = new Database(join(dir, 'lock'), { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 });
    const held = db;
    return ok({ release: () => void held.close() });
  } catch (error) {
    db?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
      return refuse(
        'DATA_DIR_LOCKED',
        `another coordinator uses this data directory (${describeHolder(holderFile)}); stop it, or choose another one`,
      );
    }
    const text = error instanceof Error ? error.message : String(error);
    return refuse('DATA_DIR_UNUSABLE', `the data directory cannot be used (${text}); check its owner and its mount`);
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
