import { join } from 'node:path';
import Database from 'better-sqlite3';
import { syncPath } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { copyFolder, headsFolder, makeTarget, type TargetFaultCode } from './backup.ts';
import { type CertificateName, KeyFolder, placeInFolder } from './keys/key-place.ts';
import type { StoredEntry } from './ledger/journal/entry.ts';
import type { JournalHead } from './ledger/journal/journal.ts';
import { type PostgresJournalFaultCode, readFence, walkTo } from './ledger/journal/postgres/open-postgres.ts';
import { rowsIn } from './ledger/journal/postgres/rows.ts';
import { statementsIn } from './ledger/journal/postgres/statements.ts';
import { journalFile } from './ledger/journal/read-beside.ts';
import { SqliteFile } from './ledger/journal/sqlite-file.ts';
import { damaged, noHead } from './ledger/journal/walk.ts';
import { ensureLayout, unanswered } from './postgres/layout.ts';
import type { PostgresLink } from './postgres/link.ts';
import { quoted } from './postgres/quoted.ts';

const rowsPerPage = 1_000;

export type CopyFaultCode = PostgresJournalFaultCode | TargetFaultCode | 'DATA_DIR_UNUSABLE';

/** Walks the chain of a journal in a database; safe beside a running coordinator. */
export async function verifyDatabase(link: PostgresLink): Promise<Result<JournalHead, PostgresJournalFaultCode>> {
  const layout = await ensureLayout(link);
  if (!layout.ok) return layout;
  const fence = await readFence(link);
  return fence.ok ? walkTo(link, noHead, fence.value.head) : fence;
}

/**
 * Copies what a coordinator on a database needs to go on elsewhere into `target`, which must be new or empty and is then a data
 * directory like any other. As with `backUp` the journal comes first; safe beside a running coordinator.
 */
export async function backUpDatabase(
  link: PostgresLink,
  dataDir: string,
  target: string,
): Promise<Result<JournalHead, CopyFaultCode>> {
  try {
    const made = await makeTarget(dataDir, target);
    if (!made.ok) return made;
    await copyFolder(join(dataDir, headsFolder), join(target, headsFolder));
    const copied = await copyJournalOut(link, join(target, journalFile));
    if (!copied.ok) return copied;
    const keys = await copyKeysOut(link, target);
    if (!keys.ok) return keys;
    await copyFolder(join(dataDir, 'blobs'), join(target, 'blobs'));
    return SqliteFile.verify(join(target, journalFile));
  } catch (error) {
    return refuse('DATA_DIR_UNUSABLE', `the backup failed (${(error as Error).message}); what is in ${target} is none`);
  }
}

/** The journal as it was when this began, in one new SQLite file: the same positions, bytes and chain. */
export async function copyJournalOut(link: PostgresLink, path: string): Promise<Result<JournalHead, CopyFaultCode>> {
  const fence = await readFence(link);
  if (!fence.ok) return fence;
  const { head: goal, epoch } = fence.value;
  const file = SqliteFile.open(path);
  if (!file.ok) return file;
  try {
    while (file.value.head.seq < goal.seq) {
      const page = await pageOf(link, file.value.head.seq + 1, Math.min(rowsPerPage, goal.seq - file.value.head.seq));
      if (!page.ok) return page;
      const kept = file.value.commit(file.value.head.chain, page.value);
      if (!kept.ok) return kept;
    }
    const succeeded = file.value.succeed(epoch);
    if (!succeeded.ok) return succeeded;
  } finally {
    file.value.close();
  }
  const copy = new Database(path);
  copy.pragma('journal_mode = DELETE'); // One file, with nothing beside it; the next start makes it WAL again.
  copy.close();
  await syncPath(path);
  const walked = SqliteFile.verify(path);
  if (!walked.ok || walked.value.chain === goal.chain) return walked;
  return damaged(goal.seq, `the fence says that it ends with another entry ${goal.seq}`);
}

/** Entries from a position on. */
export async function pageOf(
  link: PostgresLink,
  from: number,
  limit: number,
): Promise<Result<readonly StoredEntry[], CopyFaultCode>> {
  const answer = await link.repeat(statementsIn(link.settings.schema).read, [from, limit]);
  if (answer.kind !== 'rows') return unanswered(answer);
  return answer.rows.length > 0 ? ok(rowsIn(answer.rows)) : damaged(from, `entry ${from} is missing`);
}

/** Sealed secrets as they are, and certificates, into a data directory. */
export async function copyKeysOut(link: PostgresLink, dataDir: string): Promise<Result<void, CopyFaultCode>> {
  const schema = quoted(link.settings.schema);
  const secrets = await link.repeat(`SELECT name, sealed FROM ${schema}.secrets`);
  if (secrets.kind !== 'rows') return unanswered(secrets);
  const folder = new KeyFolder(join(dataDir, 'keys'));
  for (const { name, sealed } of secrets.rows) await folder.write(String(name), sealed as Buffer);
  const certificates = await link.repeat(`SELECT name, body FROM ${schema}.identity`);
  if (certificates.kind !== 'rows') return unanswered(certificates);
  const place = placeInFolder(dataDir);
  for (const { name, body } of certificates.rows) {
    await place.writeCertificate(name as CertificateName, String(body));
  }
  return ok(undefined);
}
