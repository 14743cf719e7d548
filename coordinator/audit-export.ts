import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import Database from 'better-sqlite3';
import { openAtomic } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { journalFile } from './backup.ts';
import { chainAfter, chainOrigin, type StoredEntry } from './ledger/journal/entry.ts';
import type { JournalHead } from './ledger/journal/journal.ts';

/** The first line of an export: what stands before its first entry. */
const format = 'testudo-journal/1';
const readAtOnce = 1_000;

/**
 * The journal as JSON lines that anybody can check without the coordinator: a line that says where it starts, then each entry
 * as it is hashed (`body`, canonical JSON) and the chain's digest with it. Safe beside a running coordinator. `from`: the
 * first position. Returns the last entry.
 */
export async function exportAudit(
  dataDir: string,
  file: string,
  from: number,
): Promise<Result<JournalHead, 'DATA_DIR_UNUSABLE' | 'ENTRY_NOT_FOUND'>> {
  let journal: Database.Database;
  try {
    journal = new Database(join(dataDir, journalFile), { readonly: true, fileMustExist: true });
  } catch (error) {
    return refuse('DATA_DIR_UNUSABLE', `${dataDir} holds no journal that can be read (${(error as Error).message})`);
  }
  try {
    const before = from === 1 ? { seq: 0, chain: chainOrigin } : headAt(journal, from - 1);
    if (before === undefined) return refuse('ENTRY_NOT_FOUND', `the journal has no entry ${from - 1} to go on from`);
    let last: JournalHead = before;
    const lines = function* () {
      yield `${JSON.stringify({ format, afterSequence: before.seq, afterChain: before.chain })}\n`;
      for (const { seq, body, chain } of entriesAfter(journal, before.seq)) {
        yield `${JSON.stringify({ sequence: seq, body, chain })}\n`;
        last = { seq, chain };
      }
    };
    const writing = await openAtomic(file);
    try {
      await writing.file.writeFile(Readable.from(lines()));
      await writing.commit();
    } finally {
      await writing.abandon();
    }
    return ok(last);
  } finally {
    journal.close();
  }
}

function headAt(journal: Database.Database, seq: number): JournalHead | undefined {
  return journal.prepare('SELECT seq, chain FROM entries WHERE seq = ?').get(seq) as JournalHead | undefined;
}

/** In pages, so that no reader keeps a running coordinator's log from being folded into its file. */
function* entriesAfter(journal: Database.Database, seq: number): Generator<StoredEntry> {
  const page = journal.prepare('SELECT seq, epoch, body, chain FROM entries WHERE seq > ? ORDER BY seq LIMIT ?');
  for (let at = seq; ; ) {
    const rows = page.all(at, readAtOnce) as StoredEntry[];
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined) return;
    at = last.seq;
  }
}

export type VerifiedExport = Readonly<{ first: number; last: JournalHead; entries: number }>;

/**
 * Walks an export's chain. `witnessed`: heads that somebody noted earlier, who then knows that nothing up to there was
 * rewritten since. EXPORT_DAMAGED names the first line that does not fit.
 */
export async function verifyExport(
  file: string,
  witnessed: readonly JournalHead[] = [],
): Promise<Result<VerifiedExport, 'EXPORT_DAMAGED' | 'HEAD_DIFFERS' | 'ENTRY_NOT_FOUND'>> {
  const wanted = new Map(witnessed.map(({ seq, chain }) => [seq, chain]));
  let head: JournalHead | undefined;
  let first = 0;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    const row = jsonIn(line);
    if (head === undefined) {
      if (row?.format !== format) return damaged(`its first line is not that of an export (${format})`);
      head = { seq: Number(row.afterSequence), chain: String(row.afterChain) };
      if (head.seq === 0 && head.chain !== chainOrigin) return damaged('it does not begin where journals begin');
      first = head.seq + 1;
      continue;
    }
    const { sequence, body, chain } = row ?? {};
    const next = head.seq + 1;
    if (sequence !== next || typeof body !== 'string') return damaged(`entry ${next} is missing, or is none`);
    if (chainAfter(head.chain, body) !== chain) {
      return damaged(`the hash chain breaks at entry ${next}: it, or an earlier one, was changed`);
    }
    head = { seq: next, chain: String(chain) };
    const expected = wanted.get(next);
    if (expected !== undefined && expected !== chain) {
      return refuse(
        'HEAD_DIFFERS',
        `entry ${next} has the chain ${chain}, and ${expected} was noted: history was rewritten`,
      );
    }
    wanted.delete(next);
  }
  if (head === undefined) return damaged('it is empty');
  const [missing] = wanted.keys();
  if (missing !== undefined) {
    return refuse(
      'ENTRY_NOT_FOUND',
      `entry ${missing}, which was noted, is not in it: it holds ${first} to ${head.seq}`,
    );
  }
  return ok({ first, last: head, entries: head.seq - first + 1 });
}

function jsonIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

function damaged(what: string) {
  return refuse('EXPORT_DAMAGED', `${what}; ask for the export again, and for why it differs`);
}
