import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { tempDir } from '../../testing/temp-dir.ts';
import { chainOrigin } from './entry.ts';
import { openSqliteJournal } from './open-journal.ts';
import { journalFile, movedJournalFile, readBeside } from './read-beside.ts';

const actor = { kind: 'coordinator', part: 'start' } as const;
const drafts = (count: number) =>
  Array.from({ length: count }, (_, index) => {
    return { actor, atMs: index, event: { kind: 'freezeLifted', freezeId: `f-${index}`, reason: 'test' } } as const;
  });

it('a journal is read beside its writer, from anywhere, also more than a page of it', async () => {
  const dataDir = tempDir();
  const journal = unwrap(await openSqliteJournal(join(dataDir, journalFile), systemTimers));
  const reader = unwrap(readBeside(dataDir));
  try {
    expect(reader.head()).toEqual({ seq: 0, chain: chainOrigin });
    const { entries, durable } = journal.append(drafts(2_100));
    unwrap(await durable);
    expect(reader.head()).toEqual(journal.head);
    const chainAt = (seq: number) => entries[seq - 1]?.chain;
    expect(reader.at(0)).toEqual({ seq: 0, chain: chainOrigin });
    expect(reader.at(1_000)).toEqual({ seq: 1_000, chain: chainAt(1_000) });
    expect(reader.at(2_101)).toBeUndefined();
    const seqsOf = (after: number, last: number) => [...reader.entries(after, last)].map(({ seq }) => seq);
    expect(seqsOf(0, 2_100)).toEqual(entries.map(({ seq }) => seq));
    expect(seqsOf(5, 8)).toEqual([6, 7, 8]);
    expect(seqsOf(2_099, 9_000)).toEqual([2_100]);
    expect(seqsOf(8, 8)).toEqual([]);
    const [row] = reader.entries(1, 2);
    expect(row).toMatchObject({ seq: 2, epoch: journal.epoch, chain: chainAt(2) });
    expect(JSON.parse(row?.body ?? '')).toMatchObject({ event: { freezeId: 'f-1' } });
  } finally {
    reader.close();
    await journal.close();
  }
});

it('a folder without a journal is refused, and none is made there', () => {
  const dataDir = tempDir();
  const fault = {
    code: 'JOURNAL_MISSING',
    message: expect.stringContaining(`${dataDir} holds no journal.sqlite`),
  };
  expect(readBeside(dataDir)).toMatchObject({ fault });
  expect(readBeside(dataDir)).toMatchObject({ fault });
});

it('of a journal that was moved it is said where to look, and of a file that is none why', () => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, movedJournalFile), '');
  const moved = { code: 'JOURNAL_MOVED', message: expect.stringMatching(`${dataDir} was moved .* journal.postgres`) };
  expect(readBeside(dataDir)).toMatchObject({ fault: moved });
  writeFileSync(join(dataDir, journalFile), 'a text, and no database'.repeat(50));
  const unusable = {
    code: 'DATA_DIR_UNUSABLE',
    message: expect.stringMatching(`${dataDir} holds no journal .*not a database`),
  };
  expect(readBeside(dataDir)).toMatchObject({ fault: unusable });
});
