import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { canMount, mountSmallDisk } from '../../../base/testing/small-disk.ts';
import { itWhere } from '../../../tools/testing/where.ts';
import { failingSync } from '../../testing/failing-sync.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import type { Journal, JournalFaultCode } from './journal.ts';
import { draft, journalContract } from './journal-contract.ts';
import { openSqliteJournal } from './open-journal.ts';
import { SqliteFile } from './sqlite-file.ts';

journalContract('SQLite', () => {
  const path = join(tempDir(), 'journal.sqlite');
  return async () => unwrap(await openSqliteJournal(path, systemTimers));
});

async function journalOf(path: string, entries: number): Promise<void> {
  const journal = unwrap(await openSqliteJournal(path, systemTimers));
  await journal.append(Array.from({ length: entries }, (_, index) => draft(index))).durable;
  await journal.close();
}

async function faultOnOpening(path: string): Promise<{ code: JournalFaultCode; message: string } | undefined> {
  const opened = await openSqliteJournal(path, systemTimers);
  if (!opened.ok) return opened.fault;
  await opened.value.close();
  return undefined;
}

/** Changes the file behind the journal's back, as an intruder with the disk would. */
function tamper(path: string, statements: string): void {
  const db = new Database(path);
  db.exec(`DROP TRIGGER entries_stay; DROP TRIGGER entries_remain; ${statements}`);
  db.close();
}

it('is readable by its owner alone, with the files beside it, whatever the umask and whatever mode it had', async () => {
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const path = join(tempDir(), 'journal.sqlite');
  const journal = unwrap(await openSqliteJournal(path, systemTimers));
  await journal.append([draft(1)]).durable;
  const modes = () => [path, `${path}-wal`, `${path}-shm`].map((file) => (statSync(file).mode & 0o777).toString(8));
  expect(modes()).toEqual(['600', '600', '600']);
  await journal.close();
  chmodSync(path, 0o644);
  const again = unwrap(await openSqliteJournal(path, systemTimers));
  await again.append([draft(2)]).durable;
  expect(modes()).toEqual(['600', '600', '600']);
  await again.close();
});

describe('a damaged SQLite journal', () => {
  it.each([
    ['a changed entry', `UPDATE entries SET body = replace(body, 'reason 3', 'reason X') WHERE seq = 4`, 4],
    ['a missing entry', 'DELETE FROM entries WHERE seq = 5', 5],
    ['a changed hash', `UPDATE entries SET chain = '${'0'.repeat(64)}' WHERE seq = 6`, 6],
    [
      'two swapped entries',
      'UPDATE entries SET seq = 99 WHERE seq = 2; UPDATE entries SET seq = 2 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 99',
      2,
    ],
  ])('stops at its position and says the remedy: %s', async (_, statements, seq) => {
    const path = join(tempDir(), 'journal.sqlite');
    await journalOf(path, 10);
    tamper(path, statements);
    const fault = await faultOnOpening(path);
    expect(fault).toMatchObject({ code: 'JOURNAL_DAMAGED', fields: { seq } });
    expect(fault?.message).toContain('Restore the data directory from a backup');
    expect(SqliteFile.verify(path)).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq } } });
  });

  it('stops when its file is not a database, or pages of it are overwritten', async () => {
    const path = join(tempDir(), 'journal.sqlite');
    await journalOf(path, 2_000);
    const bytes = readFileSync(path);
    writeFileSync(
      path,
      Buffer.concat([bytes.subarray(0, 4_096 * 3), Buffer.alloc(4_096 * 20, 0xa5), bytes.subarray(4_096 * 23)]),
    );
    expect(await faultOnOpening(path)).toMatchObject({ code: 'JOURNAL_DAMAGED' });
    writeFileSync(path, 'not a database at all, but long enough to be read as the header of one'.repeat(20));
    expect(await faultOnOpening(path)).toMatchObject({ code: 'JOURNAL_DAMAGED' });
  });

  it('stops when a newer build wrote it, and leaves it as it was', async () => {
    const path = join(tempDir(), 'journal.sqlite');
    await journalOf(path, 1);
    const db = new Database(path);
    db.pragma('user_version = 7');
    db.close();
    expect(await faultOnOpening(path)).toMatchObject({ code: 'JOURNAL_NEWER', fields: { version: 7 } });
  });

  it('cannot be changed by accident: rows are guarded against update and delete', async () => {
    const path = join(tempDir(), 'journal.sqlite');
    await journalOf(path, 3);
    const db = new Database(path);
    expect(() => db.exec('DELETE FROM entries WHERE seq = 3')).toThrow('append-only');
    expect(() => db.exec(`UPDATE entries SET body = '' WHERE seq = 3`)).toThrow('append-only');
    db.close();
  });
});

function spawnAppender(path: string, env: Record<string, string> = {}) {
  const program = fileURLToPath(new URL('../../testing/append-forever.ts', import.meta.url));
  const child = spawn(process.execPath, [program, path], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout }) };
}

describe('a SQLite journal on a failing machine', () => {
  it('loses no acknowledged entry when its process is killed', async () => {
    const path = join(tempDir(), 'journal.sqlite');
    let acknowledged = 0;
    for (const target of [40, 90, 150]) {
      const { child, lines } = spawnAppender(path);
      for await (const line of lines) {
        acknowledged = Number(line.split(' ')[1]);
        if (acknowledged >= target) child.kill('SIGKILL');
      }
      expect(acknowledged).toBeGreaterThanOrEqual(target);
      const journal = unwrap(await openSqliteJournal(path, systemTimers));
      expect(journal.head.seq).toBeGreaterThanOrEqual(acknowledged);
      await journal.close();
    }
  });

  it('stops for good when a sync fails, having acknowledged nothing that it could not sync', async () => {
    const dir = tempDir();
    const path = join(dir, 'journal.sqlite');
    const { env, flag } = failingSync(dir);
    const { child, lines } = spawnAppender(path, env);
    const said: string[] = [];
    for await (const line of lines) {
      said.push(line);
      if (line === 'durable 20') writeFileSync(flag, '');
    }
    if (child.exitCode === null) await once(child, 'exit');
    expect(said.slice(-2)).toEqual(['refused JOURNAL_IO', 'closed']);
    const acknowledged = said.filter((line) => line.startsWith('durable')).length;
    expect(acknowledged).toBeGreaterThanOrEqual(20);
    rmSync(flag);
    const journal = unwrap(await openSqliteJournal(path, systemTimers));
    expect(journal.head.seq).toBeGreaterThanOrEqual(acknowledged);
    expect((await journal.append([draft(1)]).durable).ok).toBe(true);
    await journal.close();
  });

  itWhere(existsSync('/proc/self') && process.getuid?.() === 0)(
    'refuses cleanly when the disk is full, and goes on when there is room again',
    async (context) => {
      const dir = tempDir();
      if (!canMount(dir)) return context.skip('mounting a tmpfs is not allowed here');
      mountSmallDisk(dir, 512);
      const path = join(dir, 'journal.sqlite');
      const ballast = join(dir, 'ballast');
      const journal: Journal = unwrap(await openSqliteJournal(path, systemTimers));
      let undone = 0;
      journal.observe({ durable: () => {}, undone: () => undone++ });
      await journal.append([draft(0)]).durable;
      writeFileSync(ballast, Buffer.alloc(256 * 1_024));
      let accepted = 1;
      let code = '';
      while (code === '') {
        const outcome = await journal.append([draft(accepted, 'x'.repeat(4_000))]).durable;
        if (outcome.ok) accepted++;
        else code = outcome.fault.code;
      }
      expect(code).toBe('DISK_FULL');
      expect(undone).toBe(1);
      expect(journal.head.seq).toBe(accepted);
      const queued = [journal.append([draft(1, 'y'.repeat(9_000))]), journal.append([draft(2, 'y'.repeat(9_000))])];
      for (const { durable } of queued) expect((await durable).ok).toBe(false);

      rmSync(ballast);
      expect((await journal.append([draft(accepted, 'x'.repeat(4_000))]).durable).ok).toBe(true);
      expect(await journal.verify()).toMatchObject({ ok: true, value: { seq: accepted + 1 } });
      await journal.close();
    },
  );
});

describe('a SQLite journal whose end is lost', () => {
  /** A journal of 30 entries whose process was killed: 10 lie in the file, the others in the log beside it alone. */
  async function killed(): Promise<string> {
    const [path, copy] = [join(tempDir(), 'journal.sqlite'), join(tempDir(), 'journal.sqlite')];
    await journalOf(path, 10);
    const journal = unwrap(await openSqliteJournal(path, systemTimers));
    for (let entry = 10; entry < 30; entry++) await journal.append([draft(entry)]).durable;
    for (const end of ['', '-wal', '.end']) copyFileSync(path + end, copy + end);
    await journal.close();
    return copy;
  }

  it('opens where nothing is lost', async () => {
    expect(await faultOnOpening(await killed())).toBeUndefined();
  });

  it.each<[string, (path: string) => void]>([
    ['a bit of the log is flipped', (path) => flipBit(`${path}-wal`, 0.5)],
    ['the log is cut', (path) => truncateSync(`${path}-wal`, Math.floor(statSync(`${path}-wal`).size / 2))],
    ['the log is gone', (path) => rmSync(`${path}-wal`)],
    ['all of it is gone', (path) => [path, `${path}-wal`].map((file) => rmSync(file))],
  ])('is refused, by name of what is missing: %s', async (_, harm) => {
    const path = await killed();
    harm(path);
    if (existsSync(path)) {
      expect(SqliteFile.verify(path)).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED' } });
    }
    const fault = await faultOnOpening(path);
    expect(fault).toMatchObject({ code: 'JOURNAL_DAMAGED', fields: { seq: expect.any(Number) } });
    expect(fault?.message).toMatch(/it ends with entry \d+, but entry 30 was written/);
  });

  it('is refused where it was written anew, with another chain of the same length', async () => {
    const [path, other] = [await killed(), join(tempDir(), 'journal.sqlite')];
    const journal = unwrap(await openSqliteJournal(other, systemTimers));
    await journal.append(Array.from({ length: 40 }, (_, index) => draft(index, 'another reason'))).durable;
    await journal.close();
    rmSync(`${path}-wal`);
    copyFileSync(other, path);
    expect(await faultOnOpening(path)).toMatchObject({ code: 'JOURNAL_DAMAGED', fields: { seq: 30 } });
  });

  it('goes on without the note, and with one that is half written', async () => {
    const path = await killed();
    writeFileSync(`${path}.end`, '0000');
    expect(await faultOnOpening(path)).toBeUndefined();
    rmSync(`${path}.end`);
    expect(await faultOnOpening(path)).toBeUndefined();
  });
});

function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  const index = Math.floor(bytes.length * at);
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
