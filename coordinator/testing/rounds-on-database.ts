import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { backUpDatabase } from '../database-copy.ts';
import { placeInDatabase } from '../keys/place-in-database.ts';
import { Vault } from '../keys/vault.ts';
import type { StoredEntry } from '../ledger/journal/entry.ts';
import { openPostgresJournal } from '../ledger/journal/open-journal.ts';
import { followUntilFree } from '../ledger/journal/postgres/lease.ts';
import { SqliteFile } from '../ledger/journal/sqlite-file.ts';
import { ReadingAlong } from '../ledger/reading-along.ts';
import type { PostgresSettings } from '../postgres/connection.ts';
import { ensureLayout } from '../postgres/layout.ts';
import { PostgresLink } from '../postgres/link.ts';

const variable = 'TESTUDO_TEST_POSTGRES';
const standbyVariable = 'TESTUDO_TEST_STANDBY';

/** The environment in which round-process.ts stands by first, and opens rounds when a line comes on its standard input. */
export const asStandby = { [standbyVariable]: '1' } as const;

export function isStandby(): boolean {
  return process.env[standbyVariable] !== undefined;
}

/** The environment in which round-process.ts stands on a database. */
export function onDatabase(settings: PostgresSettings): Record<string, string> {
  return { [variable]: JSON.stringify(settings) };
}

/** What an engine of this process stands on, where its environment names a database. `follows`: told when it has read along so far; `free`: when nobody leads any more. */
export async function databaseAsked(follows: () => void, free: () => void) {
  const text = process.env[variable];
  if (text === undefined) return {};
  const link = new PostgresLink(JSON.parse(text) as PostgresSettings, systemTimers);
  unwrap(await ensureLayout(link));
  const keyStore = unwrap(await Vault.openIn(placeInDatabase(link).secrets, 'a master key for tests alone'));
  if (!isStandby()) return { keyStore, openJournal: () => openPostgresJournal(link) };
  const along = new ReadingAlong();
  const follower = { tell: follows, take: (rows: readonly StoredEntry[]) => along.take(rows) };
  const found = unwrap(await followUntilFree(link, new AbortController().signal, follower));
  free();
  return { keyStore, openJournal: () => openPostgresJournal(link, found), folded: along.state };
}

/** A folder whose data/ is what a backup of the database makes of it: for `findBroken` and `readTrack`. */
export async function readOut(settings: PostgresSettings, folder: string): Promise<string> {
  const link = new PostgresLink(settings, systemTimers);
  try {
    let copy = 1;
    while (existsSync(join(folder, `read-${copy}`))) copy++;
    const target = join(folder, `read-${copy}`);
    unwrap(await backUpDatabase(link, join(folder, 'data'), join(target, 'data')));
    return target;
  } finally {
    await link.close();
  }
}

/** What is wrong with the journal's chain, as another reader of a copy finds it; undefined where it holds. */
export async function findBrokenChain(settings: PostgresSettings, folder: string): Promise<string | undefined> {
  const copy = await readOut(settings, folder);
  const verified = SqliteFile.verify(join(copy, 'data', 'journal.sqlite'));
  return verified.ok ? undefined : verified.fault.message;
}

/** Resolves once a process has stopped itself with SIGSTOP: true, or false where it ended instead. */
export async function stopped(pid: number): Promise<boolean> {
  for (;;) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (text === undefined) return false;
    const [, state] = /\) (\S)/.exec(text) ?? [];
    if (state === 'T') return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
