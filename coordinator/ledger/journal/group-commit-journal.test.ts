import { describe, expect, it, onTestFinished } from 'vitest';
import { type Fault, refuse, unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { GroupCommitJournal } from './group-commit-journal.ts';
import type { JournalFaultCode } from './journal.ts';
import { draft } from './journal-contract.ts';
import type { JournalStore } from './journal-store.ts';
import { MemoryMedium, openMemoryStore } from './memory-store.ts';

/** A journal in memory whose commits are heard of, and may be changed. */
function journalOver(changed: Partial<JournalStore> = {}) {
  const medium = new MemoryMedium();
  const clock = { ms: 5_000 };
  const commits: number[] = [];
  const { store, ...opened } = openMemoryStore(medium);
  const own: JournalStore = {
    commit: (previous, rows) => {
      commits.push(rows.length);
      return store.commit(previous, rows);
    },
    read: (from, limit) => store.read(from, limit),
    verify: (from, limit) => store.verify(from, limit),
    saveSnapshot: (snapshot) => store.saveSnapshot(snapshot),
    latestSnapshot: () => store.latestSnapshot(),
    close: () => store.close(),
    ...changed,
  };
  const journal = new GroupCommitJournal({ ...opened, store: own }, { ...systemTimers, monotonicMs: () => clock.ms });
  onTestFinished(() => journal.close());
  return { journal, medium, clock, commits, store };
}

const drafts = (count: number) => Array.from({ length: count }, (_, index) => draft(index));

describe('what waits for a commit', () => {
  it('shares one as long as it has no more than a thousand lines, and no append is parted', async () => {
    const { journal, commits } = journalOver();
    const sizes = [400, 600, 1, 999, 1, 1_500, 2];
    await Promise.all(sizes.map((count) => journal.append(drafts(count)).durable));
    expect(commits).toEqual([1_000, 1_000, 1, 1_500, 2]);
    expect(journal.head.seq).toBe(3_503);
  });

  it('is told to an observer with how long its commit took, in seconds', async () => {
    const told: [number, number][] = [];
    const { journal, clock } = journalOver({
      commit: async () => {
        clock.ms += 250;
        return { ok: true, value: undefined };
      },
    });
    journal.observe({ durable: (entries, seconds) => void told.push([entries.length, seconds]), undone: () => {} });
    expect(() => journal.observe({ durable: () => {}, undone: () => {} })).toThrow(/one observer is attached already/);
    await journal.append(drafts(2)).durable;
    expect(told).toEqual([[2, 0.25]]);
    expect(() => journal.append([])).toThrow(/needs at least one entry/);
  });
});

describe('a store that finds out by itself that it may write no longer', () => {
  const stale = refuse('EPOCH_STALE', 'somebody else writes').fault;

  function watched(commit?: JournalStore['commit']) {
    let lost: (fault: Fault<JournalFaultCode>) => void = () => {};
    const undone: [string, number][] = [];
    const set = journalOver({
      watch: (told) => {
        lost = told;
      },
      ...(commit && { commit }),
    });
    set.journal.observe({ durable: () => {}, undone: ({ code }) => void undone.push([code, set.journal.head.seq]) });
    return { ...set, lost: (fault = stale) => lost(fault), undone };
  }

  it('ends the journal at once, and once: nothing is written or saved after it', async () => {
    const { journal, lost, undone, commits } = watched();
    await journal.append(drafts(1)).durable;
    lost();
    lost();
    expect(undone).toEqual([['EPOCH_STALE', 1]]);
    const { entries, durable } = journal.append(drafts(1));
    expect(entries).toEqual([]);
    expect(await durable).toEqual({ ok: false, fault: stale });
    expect(await journal.saveSnapshot({ ...journal.head, version: 1, body: '{}' })).toEqual({
      ok: false,
      fault: stale,
    });
    expect(commits).toEqual([1]);
  });

  it('leaves what is being committed to that commit', async () => {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<JournalStore['commit']>>>();
    const { journal, lost, undone } = watched(() => promise);
    const [first, second] = [journal.append(drafts(1)), journal.append(drafts(1))];
    await Promise.resolve();
    lost();
    expect(undone).toEqual([]);
    resolve({ ok: false, fault: stale });
    expect(await Promise.all([first.durable, second.durable])).toEqual(
      [stale, stale].map((fault) => ({ ok: false, fault })),
    );
    expect(undone).toEqual([['EPOCH_STALE', 0]]);
  });
});

describe('a journal', () => {
  it('may be followed where its store says so, and not where the store says nothing', () => {
    expect(journalOver().journal.mayBeFollowed()).toBe(false);
    expect(journalOver({ mayBeFollowed: () => true }).journal.mayBeFollowed()).toBe(true);
    expect(journalOver({ mayBeFollowed: () => false }).journal.mayBeFollowed()).toBe(false);
  });

  it('is verified in pieces of two thousand lines, as far as it had come', async () => {
    const asked: [number, number][] = [];
    const { journal, store, medium } = journalOver({
      verify: (from, limit) => {
        asked.push([from.seq, limit]);
        return store.verify(from, limit);
      },
    });
    await journal.append(drafts(4_100)).durable;
    expect(unwrap(await journal.verify())).toEqual(journal.head);
    expect(asked).toEqual([
      [0, 2_000],
      [2_000, 2_000],
      [4_000, 100],
    ]);
    medium.rows.length = 2_500;
    const cut = await journal.verify();
    expect(cut).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 2_501 } } });
    expect(!cut.ok && cut.fault.message).toContain('should reach entry 4100, but entry 2501 is missing');
    const [row] = medium.rows.splice(9, 1);
    expect(row?.seq).toBe(10);
    expect(await journal.verify()).toMatchObject({ ok: false, fault: { fields: { seq: 10 } } });
  });

  it('says once it is closed that it is, and how to go on', async () => {
    const { journal } = journalOver();
    const last = journal.append(drafts(1)).durable;
    await journal.close();
    expect((await last).ok).toBe(true);
    expect(await journal.append(drafts(1)).durable).toEqual({
      ok: false,
      fault: { code: 'JOURNAL_CLOSED', message: 'the journal is closed; start the coordinator again' },
    });
  });
});
