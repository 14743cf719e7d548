import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { isDiskFull } from './atomic-file.ts';
import { canMount, mountSmallDisk } from './testing/small-disk.ts';

/** What the action throws. */
function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it threw nothing');
}

it('a full disk is told from one that fails, by the system and by SQLite', (context) => {
  if (!canMount(tempDir())) return context.skip('mounting a tmpfs is not allowed here');
  const disk = join(tempDir(), 'disk');
  mountSmallDisk(disk, 64);
  const database = new Database(join(disk, 'journal'));
  database.exec('CREATE TABLE entry (body BLOB)');
  const full = thrownBy(() => database.prepare('INSERT INTO entry VALUES (zeroblob(1000000))').run());
  database.close();
  expect(full).toMatchObject({ code: 'SQLITE_FULL' });
  expect(isDiskFull(full)).toBe(true);
  expect(isDiskFull(thrownBy(() => writeFileSync(join(disk, 'blob'), Buffer.alloc(1_000_000))))).toBe(true);
  expect(isDiskFull(thrownBy(() => writeFileSync(disk, '')))).toBe(false);
});
