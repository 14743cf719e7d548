import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { privateFolderMode } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';

export type FolderLock = Readonly<{ release(): void }>;

/**
 * An exclusive lock on a data folder: two clients with one identity would end each other's streams and train on each
 * other's half-written buffer. It is the operating system's lock on a file, so it ends with the process, however that ends.
 */
export function lockFolder(folder: string): Result<FolderLock, 'FOLDER_IN_USE'> {
  mkdirSync(folder, { recursive: true, mode: privateFolderMode });
  const database = new Database(join(folder, 'lock'), { timeout: 0 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    return ok({ release: () => database.close() });
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    return refuse('FOLDER_IN_USE', `${folder} is in use by another client; give each its own dataDirectory`);
  }
}
