import { describe, expect, it, vi } from 'vitest';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { ada } from '../testing/released-state.ts';
import type { JournalEvent } from './journal/events.ts';
import { GroupCommitJournal } from './journal/group-commit-journal.ts';
import type { JournalFaultCode } from './journal/journal.ts';
import { MemoryMedium, openMemoryStore } from './journal/memory-store.ts';
import { openMemoryJournal } from './journal/open-journal.ts';
import { Ledger } from './ledger.ts';
import { snapshotVersion, writeSnapshot } from './state/snapshot.ts';
import type { State } from './state/state.ts';

const operator = (name: string): JournalEvent => {
  return { kind: 'operatorAdded', name, role: 'viewer', certificateSerial: name, certificateExpiresAtMs: 9 };
};
const removed = (name: string): JournalEvent => ({ kind: 'operatorRemoved', name, reason: 'test' });
const namesIn = ({ operators }: State) => [...operators.keys()];

/** A ledger in memory whose journal can be told what its next commits come to. */
async function opened(medium = new MemoryMedium()) {
  const { store, ...place } = openMemoryStore(medium);
  const outcomes: JournalFaultCode[] = [];
  const commit = async (previous: string, rows: Parameters<typeof store.commit>[1]) => {
    const code = outcomes.shift();
    return code === undefined ? store.commit(previous, rows) : refuse(code, 'as the test wants it');
  };
  const others = {
    read: vi.fn(store.read.bind(store)),
    verify: store.verify.bind(store),
    saveSnapshot: store.saveSnapshot.bind(store),
    latestSnapshot: store.latestSnapshot.bind(store),
    close: store.close.bind(store),
  };
  const journal = new GroupCommitJournal({ ...place, store: { commit, ...others } }, systemTimers);
  const listener = { durable: vi.fn(), undone: vi.fn() };
  const ledger = unwrap(await Ledger.open(journal, () => 70, listener));
  const write = (...events: JournalEvent[]) => ledger.commit(ada, () => ok({ events, value: 'done' }));
  return { ledger, journal, medium, outcomes, listener, write, read: others.read };
}

describe('a decision', () => {
  it('sees what was decided before it, and is a fact once it is durable', async () => {
    const { ledger, write, listener } = await opened();
    const first = write(operator('eve'), operator('bob'));
    expect([namesIn(ledger.tentative), namesIn(ledger.state)]).toEqual([['eve', 'bob'], []]);
    const second = ledger.commit(ada, (state, atMs) => ok({ events: [], value: [namesIn(state), atMs] }));
    expect(unwrap(await second)).toEqual({ value: [['eve', 'bob'], 70], entries: [] });
    expect(namesIn(ledger.state)).toEqual(['eve', 'bob']);
    const { value, entries } = unwrap(await first);
    expect(value).toBe('done');
    expect(entries.map(({ seq, atMs, actor, event }) => ({ seq, atMs, actor, event }))).toEqual([
      { seq: 1, atMs: 70, actor: ada, event: operator('eve') },
      { seq: 2, atMs: 70, actor: ada, event: operator('bob') },
    ]);
    expect(listener.durable).toHaveBeenCalledExactlyOnceWith(entries, expect.any(Number));
    expect(ledger.tentative).toEqual(ledger.state);
  });

  it('that is refused writes nothing', async () => {
    const { ledger, medium } = await opened();
    const decide = (): Result<never, 'TEST_REFUSED'> => refuse('TEST_REFUSED', 'no');
    expect(await ledger.commit(ada, decide)).toMatchObject({ fault: { code: 'TEST_REFUSED' } });
    expect(medium.rows).toEqual([]);
  });

  it('whose events do not fit throws before anything is written, and what is on its way stays decided', async () => {
    const { ledger, write, medium } = await opened();
    const waits = write(operator('eve'));
    await expect(write(operator('bob'), removed('nobody'))).rejects.toThrow('fold: there is no operator nobody');
    expect(namesIn(ledger.tentative)).toEqual(['eve']);
    unwrap(await waits);
    expect(medium.rows).toHaveLength(1);
    unwrap(await write(removed('eve')));
    await expect(write(removed('nobody'))).rejects.toThrow('fold: there is no operator nobody');
    expect(ledger.tentative).toEqual(ledger.state);
    expect(ledger.state).toMatchObject({ seq: 2, operators: new Map([['eve', { removed: true }]]) });
  });

  it('is void with all that rested on it where the disk was full, and may be made again', async () => {
    const { ledger, write, outcomes, listener } = await opened();
    unwrap(await write(operator('eve')));
    outcomes.push('DISK_FULL');
    const first = write(operator('bob'));
    const second = write(operator('dan'));
    const seen = ledger.commit(ada, (state) => ok({ events: [], value: namesIn(state) }));
    expect(namesIn(ledger.tentative)).toEqual(['eve', 'bob', 'dan']);
    for (const answer of [first, second, seen]) expect(await answer).toMatchObject({ fault: { code: 'DISK_FULL' } });
    expect(listener.undone).toHaveBeenCalledExactlyOnceWith('DISK_FULL', 'as the test wants it');
    expect([namesIn(ledger.tentative), namesIn(ledger.state)]).toEqual([['eve'], ['eve']]);
    // What changes nothing rests on nothing that is void.
    expect(await ledger.commit(ada, (state) => ok({ events: [], value: namesIn(state) }))).toMatchObject({ ok: true });
    await expect(write(removed('bob'))).rejects.toThrow('fold: there is no operator bob');
    unwrap(await write(operator('bob')));
    expect(namesIn(ledger.state)).toEqual(['eve', 'bob']);
  });

  it('changes nothing once the journal has stopped', async () => {
    const { ledger, write, outcomes } = await opened();
    outcomes.push('JOURNAL_IO');
    expect(await write(operator('eve'))).toMatchObject({ fault: { code: 'JOURNAL_IO' } });
    expect(await write(operator('bob'))).toMatchObject({ fault: { code: 'JOURNAL_IO' } });
    const seen = await ledger.commit(ada, () => ok({ events: [], value: undefined }));
    expect(seen).toMatchObject({ fault: { code: 'JOURNAL_IO' } });
    expect([namesIn(ledger.tentative), namesIn(ledger.state)]).toEqual([[], []]);
  });
});

describe('a start', () => {
  it('folds what was written, however much it is', async () => {
    const { ledger, write, medium } = await opened();
    unwrap(await write(...Array.from({ length: 2_300 }, (_, index) => operator(`o-${index}`))));
    const again = await opened(medium);
    expect(again.ledger.state).toEqual(ledger.state);
    expect(again.ledger.tentative).toEqual(ledger.state);
    expect(again.read.mock.calls.map(([from]) => from)).toEqual([1, 1_001, 2_001]);
  });

  it('reads only what follows a snapshot, unless another version wrote it or it goes further than the journal', async () => {
    const { ledger, write, medium } = await opened();
    expect(unwrap(await ledger.saveSnapshot())).toBe(0);
    unwrap(await write(operator('eve'), operator('bob')));
    const length = unwrap(await ledger.saveSnapshot());
    const saved = medium.snapshot ?? expect.fail('no snapshot');
    expect(saved).toMatchObject({ seq: 2, version: snapshotVersion, chain: medium.rows[1]?.chain });
    expect(saved.body).toHaveLength(length);
    unwrap(await write(removed('eve')));
    const readsFrom = async (snapshot: typeof saved) => {
      medium.snapshot = snapshot;
      const again = await opened(medium);
      expect(again.ledger.state).toEqual(ledger.state);
      return again.read.mock.calls.map(([from]) => from);
    };
    expect(await readsFrom(saved)).toEqual([3]);
    const whole = { ...saved, seq: 3, body: await writeSnapshot(ledger.state) };
    expect(await readsFrom(whole)).toEqual([]);
    expect(await readsFrom({ ...saved, version: snapshotVersion + 1 })).toEqual([1]);
    expect(await readsFrom({ ...saved, seq: 4 })).toEqual([1]);
  });

  it('is no matter of a snapshot that is asked for between a commit and its fold: the next one will do', async () => {
    const { ledger, write, medium, journal } = await opened();
    unwrap(await write(operator('eve')));
    const ahead = vi.spyOn(journal, 'head', 'get').mockReturnValue({ seq: 2, chain: 'ab' });
    expect(unwrap(await ledger.saveSnapshot())).toBe(0);
    expect(medium.snapshot).toBeUndefined();
    ahead.mockRestore();
    expect(unwrap(await ledger.saveSnapshot())).toBeGreaterThan(0);
  });

  it('is refused where the journal cannot be read', async () => {
    const { write, medium } = await opened();
    unwrap(await write(operator('eve')));
    const journal = openMemoryJournal(medium, systemTimers);
    vi.spyOn(journal, 'read').mockResolvedValue(refuse('JOURNAL_IO', 'the disk failed'));
    const refused = await Ledger.open(journal, () => 70, { durable: () => {}, undone: () => {} });
    expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_IO' } });
  });

  it('tells which entry does not follow', async () => {
    const { medium, write } = await opened();
    unwrap(await write(operator('eve'), removed('eve'), operator('bob')));
    medium.rows.splice(1, 1);
    const { store, ...place } = openMemoryStore(medium);
    const journal = new GroupCommitJournal({ ...place, store }, systemTimers);
    const answer = await Ledger.open(journal, () => 1, { durable: () => {}, undone: () => {} });
    const message = expect.stringContaining('journal: entry 3 does not follow from those before it');
    expect(answer).toMatchObject({ fault: { code: 'JOURNAL_DAMAGED', message } });
  });
});
