import { type Result, refuse } from '../../base/fault.ts';
import { type FolderLock, lockFolder } from '../../base/folder-lock.ts';

/**
 * Takes a data directory for this process alone. Where the file system has no record locks, two processes may both get
 * it: then the journal's fencing epoch keeps the older one from writing.
 */
export function lockDataDir(dir: string): Result<FolderLock, 'DATA_DIR_LOCKED' | 'DATA_DIR_UNUSABLE' | 'DISK_FULL'> {
  const locked = lockFolder(dir);
  if (locked.ok) return locked;
  const { code, message } = locked.fault;
  if (code === 'DISK_FULL') return refuse(code, `the data directory: ${message}`);
  return code === 'FOLDER_IN_USE'
    ? refuse('DATA_DIR_LOCKED', `another process uses this data directory: ${message}`)
    : refuse('DATA_DIR_UNUSABLE', `the data directory: ${message}`);
}
