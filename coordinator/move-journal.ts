import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { commitFile, isMissing } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { type CopyFaultCode, copyJournalOut, copyKeysOut, pageOf, verifyDatabase } from './database-copy.ts';
import { KeyFolder, placeInFolder } from './keys/key-place.ts';
import { keyLeftover } from './keys/vault.ts';
import { lockDataDir } from './ledger/data-dir-lock.ts';
import type { StoredEntry } from './ledger/journal/entry.ts';
import type { JournalHead } from './ledger/journal/journal.ts';
import type { JournalStore } from './ledger/journal/journal-store.ts';
import { stale, unreplicated } from './ledger/journal/postgres/faults.ts';
import { awaitLease } from './ledger/journal/postgres/lease.ts';
import { openPostgresStore, readFence } from './ledger/journal/postgres/open-postgres.ts';
import { statementsIn } from './ledger/journal/postgres/statements.ts';
import { journalFile, movedJournalFile } from './ledger/journal/read-beside.ts';
import { SqliteFile } from './ledger/journal/sqlite-file.ts';
import type { Ask } from './postgres/connection.ts';
import type { Row } from './postgres/driver.ts';
import type { PostgresLink } from './postgres/link.ts';
import { quoted } from './postgres/quoted.ts';

const rowsPerPage = 1_000;

type MoveFaultCode =
  | CopyFaultCode
  | 'DATA_DIR_LOCKED'
  | 'DISK_FULL'
  /** Where it shall go there is another journal. */
  | 'JOURNAL_EXISTS'
  | 'JOURNAL_MISSING'
  | 'MOVE_FAILED';

/**
 * Moves journal, keys and identity from a data directory into a database, all or nothing, and leaves the bytes where they are.
 * The chain stays the same, entry for entry. Ended at any instant, the next call goes on. Neither side may be in use. The
 * directory's journal is kept under another name; then its keys are destroyed, for they are in the database now.
 */
export async function moveToDatabase(dataDir: string, link: PostgresLink): Promise<Result<JournalHead, MoveFaultCode>> {
  const isHere = existsSync(join(dataDir, journalFile));
  // Moved by a call that was ended before all keys were destroyed.
  if (!isHere && !(await hasKeysOfMoved(dataDir))) {
    const why = existsSync(join(dataDir, movedJournalFile))
      ? `its journal was moved before, whole, and lies there as ${movedJournalFile}; start the coordinator, or ask \`verify\``
      : `it holds no ${journalFile} that could be moved`;
    return refuse('JOURNAL_MISSING', `${dataDir}: ${why}`);
  }
  const lock = lockDataDir(dataDir);
  if (!lock.ok) return lock;
  try {
    const source = SqliteFile.verify(join(dataDir, isHere ? journalFile : movedJournalFile));
    if (!source.ok) return source;
    const target = await verifyDatabase(link);
    if (!target.ok) return target;
    const lasts = await makeLasting(link); // Asked before anything is written, too.
    if (!lasts.ok) return lasts;
    const fence = await readFence(link);
    if (!fence.ok) return fence;
    // The same chain may stand there, but no keys any more: those of the directory must not go, too.
    if (fence.value.movedTo !== null) return exists('the schema holds a journal that was moved away', target.value);
    if (isHere && target.value.seq === 0) {
      const copied = await link.aloneOverOne((ask) => copyIn(ask, quoted(link.settings.schema), dataDir));
      if (!copied.ok) return copied;
    }
    const after = await verifyDatabase(link);
    if (!after.ok) return after;
    const copy = isHere ? ok(after.value.chain) : await chainAt(link, source.value.seq);
    if (!copy.ok) return copy;
    if (copy.value !== source.value.chain) return exists(`the database holds another journal`, after.value);
    const kept = await makeLasting(link);
    if (!kept.ok) return kept;
    if (isHere) await putAside(dataDir);
    await eraseKeys(dataDir);
    return after;
  } finally {
    lock.value.release();
  }
}

/** The way back: from the database into a data directory that holds no journal. The database's is marked as moved. */
export async function moveToFolder(link: PostgresLink, dataDir: string): Promise<Result<JournalHead, MoveFaultCode>> {
  const lock = lockDataDir(dataDir);
  if (!lock.ok) return lock;
  let store: JournalStore | undefined;
  try {
    const free = await awaitLease(link);
    if (!free.ok) return free;
    const opened = await openPostgresStore(link); // From here on no other coordinator writes there.
    if (!opened.ok) return opened;
    store = opened.value.store;
    const { head, epoch } = opened.value;
    const path = join(dataDir, journalFile);
    if (existsSync(path)) {
      const there = SqliteFile.verify(path);
      if (!there.ok) return there;
      if (there.value.chain !== head.chain) return exists(`${dataDir} holds another journal`, there.value);
      // Its keys need not be there: whoever gives a journal that was moved its name back has none beside it.
      const keys = await copyKeysOut(link, dataDir);
      if (!keys.ok) return keys;
    } else {
      const partial = `${path}.partial`;
      for (const left of [partial, `${partial}-wal`, `${partial}-shm`]) await rm(left, { force: true });
      const copied = await copyJournalOut(link, partial);
      if (!copied.ok) return copied;
      const keys = await copyKeysOut(link, dataDir);
      if (!keys.ok) return keys;
      await commitFile(partial, path);
    }
    const schema = quoted(link.settings.schema);
    // Of this move's own epoch alone: what another has taken over meanwhile is his, keys and all.
    const left = await link.repeat(
      `WITH gone AS (
         UPDATE ${schema}.fence SET moved_to = 'a data directory', holder = ''
         WHERE id = 1 AND epoch = $1 AND (holder = $2 OR moved_to IS NOT NULL) RETURNING 1
       ), forgotten AS (DELETE FROM ${schema}.secrets WHERE EXISTS (SELECT 1 FROM gone))
       SELECT 1 FROM gone`,
      [epoch, link.writer?.holder],
    );
    if (left.kind !== 'rows') return refuse('MOVE_FAILED', `${left.cause}; run this again`);
    return left.rows.length > 0 ? ok(head) : stale(epoch);
  } finally {
    await (store ?? link).close(); // The store hands over first: where nothing was moved the next start need not wait.
    lock.value.release();
  }
}

function exists(what: string, { seq, chain }: JournalHead) {
  return refuse('JOURNAL_EXISTS', `${what} (${seq} entries, chain ${chain}); name another place`);
}

/** One transaction: whatever ends it before its COMMIT leaves nothing. `ask`: over one connection. */
async function copyIn(ask: Ask, schema: string, dataDir: string): Promise<Result<void, MoveFaultCode>> {
  const db = new Database(join(dataDir, journalFile), { readonly: true });
  let outcome = 'nothing was moved';
  try {
    const tell = async (text: string, values: readonly unknown[] = []): Promise<readonly Row[]> => {
      const answer = await ask(text, values);
      if (answer.kind === 'rows') return answer.rows;
      throw new Error(answer.cause);
    };
    await tell('BEGIN');
    const page = db.prepare('SELECT seq, epoch, body, chain FROM entries WHERE seq > ? ORDER BY seq LIMIT ?');
    let last: StoredEntry | undefined;
    for (;;) {
      const rows = page.all(last?.seq ?? 0, rowsPerPage) as StoredEntry[];
      if (rows.length === 0) break;
      const columns = (['seq', 'epoch', 'body', 'chain'] as const).map((name) => rows.map((row) => row[name]));
      await tell(
        `INSERT INTO ${schema}.entries SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])`,
        columns,
      );
      last = rows.at(-1);
    }
    const keys = new KeyFolder(join(dataDir, 'keys'));
    for (const name of await readdir(keys.name)) {
      const sealed = keyLeftover.test(name) ? undefined : await keys.read(name);
      if (sealed !== undefined) await tell(`INSERT INTO ${schema}.secrets VALUES ($1, $2)`, [name, sealed]);
    }
    const identity = placeInFolder(dataDir);
    for (const name of ['root', 'issuer'] as const) {
      const pem = await identity.readCertificate(name);
      if (pem !== undefined) await tell(`INSERT INTO ${schema}.identity VALUES ($1, $2)`, [name, pem]);
    }
    const { epoch } = db.prepare('SELECT epoch FROM fence').get() as { epoch: number };
    const [moved] = await tell(
      `UPDATE ${schema}.fence SET epoch = $1, head_seq = $2, head_chain = $3
       WHERE id = 1 AND epoch = 0 AND head_seq = 0 RETURNING 1`,
      [epoch, last?.seq ?? 0, last?.chain ?? '0'.repeat(64)],
    );
    if (moved === undefined) throw new Error('somebody else has begun to use the database');
    outcome = 'whether the database has it all is not known, and the data directory was left as it is';
    await tell('COMMIT');
    return ok(undefined);
  } catch (error) {
    await ask('ROLLBACK');
    return refuse('MOVE_FAILED', `${outcome} (${(error as Error).message}); mend that and run this again`);
  } finally {
    db.close();
  }
}

/**
 * What was copied is as safe as the settings ask before the only other copy is destroyed: this write comes after it in the
 * server's log, and waits for the standby.
 */
async function makeLasting(link: PostgresLink): Promise<Result<void, MoveFaultCode>> {
  const { schema, isReplicated } = link.settings;
  const fence = await readFence(link);
  if (!fence.ok) return fence;
  const answer = await link.repeat(statementsIn(schema).barrier, [fence.value.epoch, fence.value.holder, isReplicated]);
  if (answer.kind === 'rows' && answer.rows.length === 0) return unreplicated();
  if (answer.kind === 'rows' && !answer.isWeak) return ok(undefined);
  const cause = answer.kind === 'rows' ? 'its standby did not confirm what was copied' : answer.cause;
  return refuse('MOVE_FAILED', `${cause}; the data directory was left as it is: mend that and run this again`);
}

/** The journal under another name, so that nobody starts on it; first of all, for a journal without its keys is of no use. */
async function putAside(dataDir: string): Promise<void> {
  const path = join(dataDir, journalFile);
  const db = new Database(path);
  db.pragma('journal_mode = DELETE');
  db.close();
  await commitFile(path, join(dataDir, movedJournalFile));
}

async function eraseKeys(dataDir: string): Promise<void> {
  const keys = new KeyFolder(join(dataDir, 'keys'));
  for (const name of await readdir(keys.name)) await keys.erase(name);
}

async function hasKeysOfMoved(dataDir: string): Promise<boolean> {
  if (!existsSync(join(dataDir, movedJournalFile))) return false;
  const names = await readdir(join(dataDir, 'keys')).catch((error: unknown): string[] => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.length > 0;
}

/** The chain's value at an entry; undefined where the database's journal has no such entry. */
async function chainAt(link: PostgresLink, seq: number): Promise<Result<string | undefined, CopyFaultCode>> {
  const page = await pageOf(link, seq, 1);
  return page.ok ? ok(page.value[0]?.chain) : page;
}
