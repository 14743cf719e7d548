import { ok, unwrap } from '../../../../base/fault.ts';
import type { Timers } from '../../../../base/time.ts';
import { placeInDatabase } from '../../../../coordinator/keys/place-in-database.ts';
import type { StoredEntry } from '../../../../coordinator/ledger/journal/entry.ts';
import { GroupCommitJournal } from '../../../../coordinator/ledger/journal/group-commit-journal.ts';
import { openPostgresJournal } from '../../../../coordinator/ledger/journal/open-journal.ts';
import { followUntilFree } from '../../../../coordinator/ledger/journal/postgres/lease.ts';
import { openPostgresStore } from '../../../../coordinator/ledger/journal/postgres/open-postgres.ts';
import { lookEveryMs } from '../../../../coordinator/ledger/journal/postgres/silence.ts';
import { ReadingAlong } from '../../../../coordinator/ledger/reading-along.ts';
import { PostgresLink } from '../../../../coordinator/postgres/link.ts';
import type { Draws } from '../../world/draws.ts';
import type { SimulatedProcess } from '../../world/process.ts';
import type { Opened, Opening } from '../opened.ts';
import type { Database } from './database.ts';
import { type DatabaseLine, driverOver } from './session.ts';

const settings = {
  hosts: [{ host: 'database', port: 5_432 }],
  database: 'testudo',
  user: 'testudo',
  password: '',
  schema: 'testudo',
  outageMs: 20_000,
  /** Five looks of a minute each. */
  leaseMs: 300_000,
};

/** The real journal over a simulated database, opened as a coordinator opens it: alone, as a standby, or by force. */
export async function openJournalIn(
  database: Database,
  line: DatabaseLine,
  process: SimulatedProcess,
  { how, draws, keyPut, acknowledged }: Opening & Readonly<{ draws: Draws }>,
): Promise<Opened> {
  const driver = driverOver(database, line, process, draws);
  const link = new PostgresLink({ ...settings, isReplicated: database.isReplicated }, seldom(process.timers), driver);
  const along = how === 'standby' ? new ReadingAlong() : undefined;
  const follower = { tell: () => {}, take: (rows: readonly StoredEntry[]) => along?.take(rows) ?? ok(undefined) };
  const found =
    how === 'standby' ? unwrap(await followUntilFree(link, new AbortController().signal, follower)) : undefined;
  const journal =
    how === 'force'
      ? new GroupCommitJournal(unwrap(await openPostgresStore(link)), link.timers)
      : unwrap(await openPostgresJournal(link, found));
  const append = journal.append.bind(journal);
  journal.append = (drafts) => {
    const appended = append(drafts);
    const last = appended.entries.at(-1);
    void appended.durable.then(({ ok }) => {
      if (ok && last !== undefined) acknowledged(last.seq, last.chain);
    });
    return appended;
  };
  const { secrets } = placeInDatabase(link);
  const keyStore = {
    async put(name: string, secret: Uint8Array) {
      keyPut(Uint8Array.from(secret));
      await secrets.write(name, Buffer.from(secret));
    },
    async add(name: string, secret: Uint8Array) {
      keyPut(Uint8Array.from(secret));
      return await secrets.add(name, Buffer.from(secret));
    },
    get: (name: string) => secrets.read(name),
    present: (names: readonly string[]) => secrets.present(names),
    destroy: (name: string) => secrets.erase(name),
  };
  return { journal, keyStore, folded: along?.state };
}

/** Beats come every two minutes and looks every one, rather than four times a second: each costs what a real one does. */
function seldom(timers: Timers): Timers {
  return {
    ...timers,
    after: (delayMs, act, options) => timers.after(delayMs === lookEveryMs ? 60_000 : delayMs, act, options),
    every: (periodMs, act, options) => timers.every(480 * periodMs, act, options),
  };
}
