import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { canMount, fillDisk, mountSmallDisk } from '../../base/testing/small-disk.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { lockDataDir } from './data-dir-lock.ts';

it('a data directory › is refused under the codes that operators know, with its holder or the cause', () => {
  const dir = join(tempDir(), 'data');
  const lock = unwrap(lockDataDir(dir));
  const second = lockDataDir(dir);
  expect(second).toMatchObject({ ok: false, fault: { code: 'DATA_DIR_LOCKED' } });
  expect(!second.ok && second.fault.message).toContain(`another process`);
  expect(!second.ok && second.fault.message).toContain(`process ${process.pid} on`);
  lock.release();
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const fault = { code: 'DATA_DIR_UNUSABLE', message: expect.stringMatching(/^the data directory: /) };
  expect(lockDataDir(join(file, 'data'))).toMatchObject({ ok: false, fault });
});

it('a data directory on a disk without room is refused as such, and what it is about', (context) => {
  const disk = tempDir();
  if (!canMount(disk)) return context.skip('mounting a tmpfs is not allowed here');
  mountSmallDisk(disk, 64);
  const dir = join(disk, 'data');
  mkdirSync(dir);
  fillDisk(join(disk, 'ballast'));
  const fault = { code: 'DISK_FULL', message: expect.stringMatching(/^the data directory: /) };
  expect(lockDataDir(dir)).toMatchObject({ ok: false, fault });
});
