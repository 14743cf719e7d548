import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../base/fault.ts';
import type { Timers } from '../base/time.ts';
import type { CoordinatorConfig, PostgresConfig } from './config/config.ts';
import { type IdentityPlace, placeInFolder } from './keys/key-place.ts';
import { readSecret } from './keys/master-key.ts';
import { placeInDatabase } from './keys/place-in-database.ts';
import { readTrustedAuthority } from './keys/trusted-authority.ts';
import { lockDataDir } from './ledger/data-dir-lock.ts';
import type { Journal } from './ledger/journal/journal.ts';
import { openPostgresJournal } from './ledger/journal/open-journal.ts';
import { type Following, followUntilFree } from './ledger/journal/postgres/lease.ts';
import {
  type FoundFree,
  moved,
  type PostgresJournalFaultCode,
  readFence,
} from './ledger/journal/postgres/open-postgres.ts';
import { absentJournal, journalFile } from './ledger/journal/read-beside.ts';
import { ReadingAlong } from './ledger/reading-along.ts';
import type { MutableState } from './ledger/state/mutable-state.ts';
import type { State } from './ledger/state/state.ts';
import { parsePostgresAddress } from './postgres/address.ts';
import { ensureLayout, type LayoutFaultCode } from './postgres/layout.ts';
import { PostgresLink } from './postgres/link.ts';

/** What a coordinator stands on: a data directory, or a database with a data directory beside it for bytes. */
export type Ground = Readonly<{
  identity: IdentityPlace;
  /** Absent: the data directory's. Once it was opened the link is closed with the journal. */
  openJournal?: () => Promise<Result<Journal, PostgresJournalFaultCode>>;
  /**
   * Waits, reading along, until `openJournal` may follow who leads now; resolves with the state that it has folded meanwhile.
   * Absent: a data directory's has one coordinator.
   */
  follow?: (
    signal: AbortSignal,
    /** At every look, with the state as of the last line read. */
    tell: (following: Following, state: State) => void,
  ) => Promise<Result<MutableState, PostgresJournalFaultCode | 'STANDBY_STOPPED'>>;
  /** For who changes what a coordinator must not use meanwhile: none starts until the value is called. Refused where one runs. */
  hold(): Promise<Result<() => Promise<void>, PostgresJournalFaultCode | FolderFaultCode>>;
  /** For the way on which nothing else was opened. May be called twice. */
  close(): Promise<void>;
}>;

type FolderFaultCode = 'DATA_DIR_LOCKED' | 'DATA_DIR_UNUSABLE' | 'DISK_FULL';

export type GroundFaultCode =
  | LayoutFaultCode
  | 'JOURNAL_DAMAGED'
  | 'SECRET_UNAVAILABLE'
  | 'JOURNAL_NOT_MOVED'
  | 'JOURNAL_MOVED'
  | 'CONFIG_INVALID';

export async function openGround(
  config: Pick<CoordinatorConfig, 'dataDirectory' | 'journal'>,
  environment: NodeJS.ProcessEnv,
  timers: Timers,
): Promise<Result<Ground, GroundFaultCode>> {
  const { dataDirectory, journal } = config;
  if (journal.postgres === null) {
    const absent = absentJournal(dataDirectory);
    if (absent?.fault.code !== 'JOURNAL_MOVED') return ok(groundInFolder(dataDirectory));
    return refuse('JOURNAL_MOVED', absent.fault.message);
  }
  if (existsSync(join(dataDirectory, journalFile))) {
    const remedy = 'run `testudo coordinator move --to postgres`, or name another data directory';
    return refuse(
      'JOURNAL_NOT_MOVED',
      `${dataDirectory} holds a journal, and journal.postgres names a database: ${remedy}`,
    );
  }
  const link = await openLink(journal.postgres, environment, timers);
  if (!link.ok) return link;
  const layout = await ensureLayout(link.value);
  const fence = layout.ok ? await readFence(link.value) : layout;
  if (!fence.ok) {
    await link.value.close();
    return fence;
  }
  if (fence.value.movedTo !== null) {
    await link.value.close();
    return moved(fence.value.movedTo);
  }
  let found: FoundFree | undefined;
  return ok({
    identity: placeInDatabase(link.value),
    openJournal: () => openPostgresJournal(link.value, found),
    async follow(signal, tell) {
      const along = new ReadingAlong();
      const free = await followUntilFree(link.value, signal, {
        tell: (following) => tell(following, along.state),
        take: (rows) => along.take(rows),
      });
      if (!free.ok) return free;
      found = free.value;
      return ok(along.state);
    },
    async hold() {
      const journal = await openPostgresJournal(link.value);
      return journal.ok ? ok(() => journal.value.close()) : journal;
    },
    close: () => link.value.close(),
  });
}

function groundInFolder(dataDirectory: string): Ground {
  return {
    identity: placeInFolder(dataDirectory),
    async hold() {
      const lock = lockDataDir(dataDirectory);
      return lock.ok ? ok(async () => lock.value.release()) : lock;
    },
    close: async () => {},
  };
}

/** The link that a configuration describes. Nothing is asked of the database yet. */
export async function openLink(
  config: PostgresConfig,
  environment: NodeJS.ProcessEnv,
  timers: Timers,
): Promise<Result<PostgresLink, 'SECRET_UNAVAILABLE' | 'CONFIG_INVALID'>> {
  const { schema, tls, synchronous, outageSeconds, leaseSeconds } = config;
  const address = parsePostgresAddress(config.address);
  if (!address.ok) return refuse('CONFIG_INVALID', `journal.postgres.address: ${address.fault.message}`);
  const password = config.password === null ? ok('') : await readSecret(config.password, environment);
  if (!password.ok) return refuse('SECRET_UNAVAILABLE', `journal.postgres.password from ${password.fault.message}`);
  const authority = await readTrustedAuthority('journal.postgres.tls.ca', tls?.ca);
  if (!authority.ok) return authority;
  const ca = authority.value;
  const settings = {
    ...address.value,
    password: password.value,
    schema,
    tls: tls && (ca === undefined ? {} : { ca }),
    isReplicated: synchronous === 'required',
    outageMs: outageSeconds * 1_000,
    leaseMs: leaseSeconds * 1_000,
  };
  return ok(new PostgresLink(settings, timers));
}
