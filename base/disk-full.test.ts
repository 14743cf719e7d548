import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { isDiskFull } from './atomic-file.ts';
import { Outbox } from './delivery/outbox.ts';
import type { Deliverable } from './delivery/outgoing.ts';
import { unwrap } from './fault.ts';
import { canMount, fillDisk, mountSmallDisk } from './testing/small-disk.ts';

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

it('an outbox on a full disk is to be left where it is, and what waits in it is there once there is room', (context) => {
  const disk = join(tempDir(), 'disk');
  mkdirSync(disk);
  if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(disk, 512);
  const made = unwrap(Outbox.open<Deliverable>(disk));
  const item = { id: 'a-0123456789abcdef', at: '2026-11-30T00:00:00Z' };
  made.put(['sink'], { item, repeats: 1 }, 0);
  made.close();
  const ballast = join(disk, 'ballast');
  fillDisk(ballast);
  expect(Outbox.open(disk)).toMatchObject({
    fault: { code: 'OUTBOX_UNUSABLE', message: expect.stringMatching(/no space is left: free some, and start again$/) },
  });
  rmSync(ballast);
  const again = unwrap(Outbox.open<Deliverable>(disk));
  expect(again.due('sink', 0)?.outgoing.item).toEqual(item);
  again.close();
});
