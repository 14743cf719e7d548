import { existsSync, readdirSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { isMissing, makeFolder, privateFolderMode } from '../../base/atomic-file.ts';

const leaders = 'leaders';
const alerts = 'alerts';
/** What was told, what waits for sinks, and what SQLite has not merged into it yet. */
const files = ['known.json', 'outbox.sqlite', 'outbox.sqlite-wal'] as const;

/**
 * Where the alerts of the coordinator lie that leads, or led last: in the data directory itself, or, where a folder of bytes may be
 * shared by coordinators on one database, in a folder of each leader's own below it.
 */
export function alertsPlace(dataDir: string): string {
  const newest = Math.max(...epochsIn(dataDir));
  return newest === Number.NEGATIVE_INFINITY ? dataDir : folderOf(dataDir, newest);
}

/**
 * A folder of this leader's own, with a copy of what the one before it had told and still had to deliver. That one may be stopped
 * with its files open and wake up again, on another machine even: so nothing of its is written to. What it delivers after the copy
 * is delivered twice.
 */
export async function openLeaderFolder(
  dataDir: string,
  epoch: number,
  trouble: (code: string, cause: string) => void,
): Promise<string> {
  const own = folderOf(dataDir, epoch);
  try {
    await takeOver(dataDir, own, epoch);
  } catch (error) {
    trouble(
      'ALERTS_LEFT',
      `what the coordinator before had told and not delivered is not gone on with (${String(error)})`,
    );
  }
  return own;
}

async function takeOver(dataDir: string, own: string, epoch: number): Promise<void> {
  const before = alertsPlace(dataDir);
  makeFolder(join(own, alerts), privateFolderMode);
  for (const name of files) {
    await copyFile(join(before, alerts, name), join(own, alerts, name)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }
  if (!isWhole(join(own, alerts, 'outbox.sqlite'))) {
    for (const name of files.slice(1)) await rm(join(own, alerts, name), { force: true });
  }
  const older = epochsIn(dataDir).filter((other) => other < epoch);
  for (const other of older) await rm(folderOf(dataDir, other), { recursive: true, force: true });
}

/** Whether it could be copied as a whole: one who still wrote to it is not waited for. */
function isWhole(path: string): boolean {
  if (!existsSync(path)) return true;
  let db: Database.Database | undefined;
  try {
    db = new Database(path);
    return db.pragma('quick_check', { simple: true }) === 'ok';
  } catch {
    return false;
  } finally {
    db?.close();
  }
}

function folderOf(dataDir: string, epoch: number): string {
  return join(dataDir, leaders, String(epoch));
}

function epochsIn(dataDir: string): number[] {
  const folder = join(dataDir, leaders);
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
    : [];
}
