import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimers } from '../../../base/system-timers.ts';
import type { CoordinatorConfig, PostgresConfig } from '../../../coordinator/config/config.ts';
import type { PostgresLink } from '../../../coordinator/postgres/link.ts';
import { orExit } from '../../exit.ts';

/** Calls `act` with a link to the database of a configuration, and lets go of it. */
export async function withDatabase<Value>(
  config: PostgresConfig,
  act: (link: PostgresLink) => Promise<Value>,
): Promise<Value> {
  const { openLink } = await import('../../../coordinator/ground.ts');
  const link = orExit(await openLink(config, process.env, systemTimers));
  try {
    return await act(link);
  } finally {
    await link.close();
  }
}

/** Calls `act` with a folder that holds a database's journal as a data directory would, for as long as that takes. */
async function withJournalCopy<Value>(config: PostgresConfig, act: (folder: string) => Promise<Value>): Promise<Value> {
  const { journalFile } = await import('../../../coordinator/ledger/journal/read-beside.ts');
  const { copyJournalOut } = await import('../../../coordinator/database-copy.ts');
  const folder = await mkdtemp(join(tmpdir(), 'testudo-journal-'));
  // `orExit` ends the process where it stands, and no copy of a journal may outlive it.
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    orExit(await withDatabase(config, (link) => copyJournalOut(link, join(folder, journalFile))));
    return await act(folder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** The same for the journal of a configuration, wherever it lies: a data directory is that folder itself. */
export function withJournal<Value>(
  { journal, dataDirectory }: CoordinatorConfig,
  act: (folder: string) => Promise<Value>,
): Promise<Value> {
  return journal.postgres === null ? act(dataDirectory) : withJournalCopy(journal.postgres, act);
}
