import { expect, it } from 'vitest';
import { storeFault } from './store-fault.ts';

it.each([
  ['BLOB_NOT_FOUND', 'JOURNAL_IO'],
  ['BLOB_IO', 'JOURNAL_IO'],
  ['DIGEST_MISMATCH', 'JOURNAL_IO'],
  ['LENGTH_MISMATCH', 'JOURNAL_IO'],
  ['OFFSET_MISMATCH', 'JOURNAL_IO'],
  ['UPLOAD_BUSY', 'JOURNAL_IO'],
  ['DISK_FULL', 'DISK_FULL'],
  ['TRACK_NOT_FOUND', 'TRACK_NOT_FOUND'],
])('callers know %s of the blob store as %s, in the same words', (code, known) => {
  expect(storeFault({ code, message: 'as it was' })).toEqual({
    ok: false,
    fault: { code: known, message: 'as it was' },
  });
});
