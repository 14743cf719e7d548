import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { openSmallFederation, operator, track } from '../testing/small-federation.ts';
import { tempDir } from '../testing/temp-dir.ts';
import { type StoredEntry, sealEntry } from './journal/entry.ts';
import type { JournalEvent } from './journal/events.ts';
import { MemoryMedium } from './journal/memory-store.ts';
import { openMemoryJournal } from './journal/open-journal.ts';
import { Ledger } from './ledger.ts';
import { ReadingAlong } from './reading-along.ts';

async function linesOfAFederation() {
  const dataDir = tempDir();
  const engine = await openSmallFederation(dataDir);
  const round = unwrap(await engine.openRound(operator, { track, reason: 'test' })).value;
  unwrap(await engine.cancelRound(operator, { track, round, reason: 'test' }));
  await engine.close();
  const db = new Database(join(dataDir, 'journal.sqlite'), { readonly: true });
  const rows = db.prepare('SELECT seq, epoch, body, chain FROM entries ORDER BY seq').all() as StoredEntry[];
  db.close();
  return { rows, state: engine.state() };
}

it('a state that was folded as lines came is the one of who wrote them, and names a line that does not fit', async () => {
  const { rows, state } = await linesOfAFederation();
  const along = new ReadingAlong();
  for (let at = 0; at < rows.length; at += 3) unwrap(along.take(rows.slice(at, at + 3)));
  expect(along.state).toEqual(state);
  expect(state.tracks.get(track)?.rounds.size).toBe(1);
  const again = new ReadingAlong();
  const missing = rows.filter(({ body }) => !body.includes('trackCreated'));
  const gap = rows.findIndex(({ body }) => body.includes('trackCreated')) + 2;
  const message = expect.stringMatching(
    new RegExp(`entry ${gap} does not follow .*Start the build that wrote it, or restore a backup`),
  );
  expect(again.take(missing)).toMatchObject({ fault: { code: 'JOURNAL_DAMAGED', message, fields: { seq: gap } } });
});

it('a ledger goes on from what was folded, and reads what came after it alone', async () => {
  const { rows, state } = await linesOfAFederation();
  const medium = new MemoryMedium();
  medium.rows = rows;
  const along = new ReadingAlong();
  unwrap(along.take(rows.slice(0, -2)));
  const journal = openMemoryJournal(medium, systemTimers);
  const read = vi.spyOn(journal, 'read');
  const ledger = unwrap(await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} }, along.state));
  expect(read.mock.calls.map(([from]) => from)).toEqual([rows.length - 1]);
  expect(ledger.state).toEqual(state);
});

it('an entry of a kind that only a newer build knows is named, and neither starts a ledger nor ends a journal that is read beside one', async () => {
  const { rows } = await linesOfAFederation();
  const last = rows.at(-1) as StoredEntry;
  const event = { kind: 'clusterBanished', cluster: 'eu-1' } as unknown as JournalEvent;
  const content = {
    seq: last.seq + 1,
    epoch: last.epoch,
    atMs: 1,
    actor: { kind: 'coordinator', part: 'start' },
    event,
  };
  const [, newer] = sealEntry(last.chain, content as Parameters<typeof sealEntry>[1]);
  const fault = {
    code: 'JOURNAL_NEWER',
    message: expect.stringMatching(/clusterBanished.*Start the build that wrote it/),
  };
  expect(new ReadingAlong().take([...rows, newer])).toMatchObject({ fault });

  const medium = new MemoryMedium();
  medium.rows = [...rows, newer];
  const journal = openMemoryJournal(medium, systemTimers);
  const opened = await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} });
  expect(opened).toMatchObject({ fault });

  const tolerant = new ReadingAlong({ passesOverNewer: true });
  unwrap(tolerant.take([...rows, newer]));
  expect(tolerant.state.seq).toBe(newer.seq);
});
