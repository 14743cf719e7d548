import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { refusalOf } from './sqlite-faults.ts';

it.each([
  ['SQLITE_FULL', 'DISK_FULL', /^journal: no space left; nothing of this write was kept\. Free space and try again$/],
  ['SQLITE_IOERR_SHMSIZE', 'DISK_FULL', /no space left/],
  ['SQLITE_CORRUPT', 'JOURNAL_DAMAGED', /cannot be read as a database \(SQLITE_CORRUPT: why\)/],
  ['SQLITE_CORRUPT_INDEX', 'JOURNAL_DAMAGED', /SQLITE_CORRUPT_INDEX/],
  ['SQLITE_NOTADB', 'JOURNAL_DAMAGED', /cannot be read as a database/],
  [
    'SQLITE_IOERR_FSYNC',
    'JOURNAL_IO',
    /^journal: the disk failed \(SQLITE_IOERR_FSYNC: why\)\. Check the disk and its mount/,
  ],
])('%s is %s', (code, found, message) => {
  const { fault } = refusalOf(new Database.SqliteError('why', code));
  expect(fault).toMatchObject({ code: found, message: expect.stringMatching(message) });
});

it('what is no error of SQLite is told as it is', () => {
  expect(refusalOf(new Error('EROFS')).fault).toMatchObject({
    code: 'JOURNAL_IO',
    message: expect.stringContaining('the disk failed (error: EROFS)'),
  });
  expect(refusalOf('a text').fault.message).toContain('(error: a text)');
});
