import { describe, expect, it } from 'vitest';
import { type Fault, unwrap } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import type { Timers } from '../../../../base/time.ts';
import { isWrite, outcomeOf } from '../../../../lab/simulator/ground/database/statements.ts';
import { type FenceRow, Tables } from '../../../../lab/simulator/ground/database/tables.ts';
import type { Driver } from '../../../postgres/driver.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { type StoredEntry, sealEntry } from '../entry.ts';
import type { JournalHead } from '../journal.ts';
import { draft } from '../journal-contract.ts';
import { MemoryMedium } from '../memory-store.ts';
import { noHead } from '../walk.ts';
import { PostgresStore } from './postgres-store.ts';
import { statementsIn } from './statements.ts';

const outageMs = 60_000;
const leaseMs = 4_000;
const diskFull = '53100';
const sql = statementsIn('testudo');

/** What becomes of one write: not done, done and not heard of, refused, done under a warning, done so late, or come twice and answered once. */
type Fate = 'unsent' | 'unheard' | 'weak' | 'doubled' | Readonly<{ refused: string }> | Readonly<{ lateMs: number }>;

type Settings = { synchronous_commit: string; synchronous_standby_names: string };

/** A store on tables of which the simulator reads the statements' own conditions, over a driver that a test tells what goes wrong. */
function storeOn(fates: Fate[] = [], { isReplicated = false } = {}) {
  const medium = new MemoryMedium();
  const fence = { id: 1, epoch: 3, holder: 'me', beat: 0, lease_ms: leaseMs, moved_to: null } as const;
  const tables = new Tables(medium, new Map(), { ...fence, head_seq: 0, head_chain: noHead.chain });
  const settingsOfServer: Settings = { synchronous_commit: 'on', synchronous_standby_names: 'second' };
  const server = { settings: settingsOfServer, writes: 0 };
  const clock = { ms: 10_000 };
  const beats = new Set<() => void>();
  /** What becomes of looks at the fence and at the snapshot, in turn: the SQLSTATE of a refusal; undefined where the tables answer. */
  const reads: (() => string | undefined)[] = [];
  const timers: Timers = {
    ...systemTimers,
    monotonicMs: () => clock.ms,
    after(delayMs, act) {
      if (delayMs < 1_000) {
        clock.ms += delayMs; // Between two attempts. An answer is waited for as long as it takes.
        setImmediate(act);
      }
      return systemTimers.after(0, () => {});
    },
    every(periodMs, act) {
      expect(periodMs).toBe(250);
      beats.add(act);
      return act as never;
    },
    cancel(timer) {
      beats.delete(timer as never);
    },
  };
  const driver: Driver = async () => {
    let warn: (notice: { severity: string }) => void = () => {};
    return {
      ...{ connect: async () => {}, end: async () => {}, onEnd: () => {}, destroy: () => {} },
      onNotice: (hear) => {
        warn = hear;
      },
      async query(text, values = []) {
        const fate = isWrite(text) && !text.includes("holder = ''") ? fates.shift() : undefined;
        if (isWrite(text)) server.writes += 1;
        const read = text === sql.look || text === sql.latestSnapshot ? reads.shift()?.() : undefined;
        if (read !== undefined) throw Object.assign(new Error(`state ${read}`), { code: read });
        if (fate === 'unsent') throw new Error('the line is cut');
        if (typeof fate === 'object' && 'refused' in fate)
          throw Object.assign(new Error(`state ${fate.refused}`), { code: fate.refused });
        const before = fate === 'doubled' ? outcomeOf(text, values, tables, server.settings) : undefined;
        if (before !== undefined && 'change' in before && before.change !== undefined) tables.apply(before.change);
        const outcome = outcomeOf(text, values, tables, server.settings);
        if ('sqlState' in outcome) throw Object.assign(new Error('refused'), { code: outcome.sqlState });
        if (outcome.change !== undefined) tables.apply(outcome.change);
        if (fate === 'unheard') throw new Error('the line is cut');
        if (fate === 'weak') warn({ severity: 'WARNING' });
        if (typeof fate === 'object') clock.ms += fate.lateMs;
        return outcome.rows;
      },
    };
  };
  const settings = {
    ...{ hosts: [{ host: 'database', port: 5_432 }], database: 'testudo', user: 'testudo', password: '' },
    ...{ schema: 'testudo', isReplicated, outageMs, leaseMs },
  };
  const link = new PostgresLink(settings, timers, driver);
  const store = new PostgresStore(link, { epoch: 3, holder: 'me' }, noHead);
  const lost: string[] = [];
  store.watch(({ code }: Fault) => void lost.push(code));
  /** A quarter of a second passes, and what it set off is over. */
  const quarter = async (ms = 250) => {
    clock.ms += ms;
    for (const beat of beats) beat();
    await link.alone(async () => {});
  };
  return { store, tables, medium, server, clock, beats, lost, quarter, fates, reads };
}

function linesAfter(from: JournalHead, count = 1): readonly StoredEntry[] {
  const rows: StoredEntry[] = [];
  let tip = from;
  for (let index = 0; index < count; index++) {
    const [entry, row] = sealEntry(tip.chain, { ...draft(index), seq: tip.seq + 1, epoch: 3 });
    rows.push(row);
    tip = entry;
  }
  return rows;
}
const [first, second] = linesAfter(noHead, 2) as [StoredEntry, StoredEntry];
const codeOf = (outcome: { ok: boolean; fault?: Fault }) => (outcome.ok ? 'ok' : outcome.fault?.code);

describe('a commit', () => {
  it.each<[string, Fate[], number, boolean]>([
    ['is there when its answer comes', [], 1, false],
    ['that was not done is found missing by a write, and done', ['unsent'], 3, false],
    ['that was done unheard is found by a write, and done once', ['unheard'], 2, false],
    ['whose question was lost as well is asked after again', ['unheard', 'unheard', 'unsent'], 4, false],
    ['of a server that was ending is asked after', [{ refused: '57P01' }], 3, false],
    ['under a warning counts once a write without one finds it', ['weak', 'weak'], 3, true],
    ['that came late may have been let go by a list of standbys that was emptied', [{ lateMs: 251 }], 2, true],
    ['that came just in time was not', [{ lateMs: 250 }], 1, true],
    ['that came late where no standby is asked for was late, and no more', [{ lateMs: 5_000 }], 1, false],
    ['is proven by a question that came late: that waited for nothing', ['weak', { lateMs: 5_000 }], 2, true],
    ['that an earlier packet of ours has done is proven by a write', ['doubled'], 2, false],
    ['is asked after where there is no room for the question', ['unheard', { refused: diskFull }], 3, false],
  ])('%s', async (_, fates, writes, isReplicated) => {
    const { store, medium, server, clock } = storeOn(fates, { isReplicated });
    clock.ms += 3_999;
    expect(store.mayBeFollowed()).toBe(false);
    expect(codeOf(await store.commit(noHead.chain, [first, second]))).toBe('ok');
    expect(medium.rows).toEqual([first, second]);
    expect(server.writes).toBe(writes);
    expect(store.mayBeFollowed()).toBe(false);
    clock.ms += leaseMs;
    expect(store.mayBeFollowed()).toBe(true);
    const [third] = linesAfter({ seq: 2, chain: second.chain }) as [StoredEntry];
    expect(codeOf(await store.commit(second.chain, [third]))).toBe('ok');
    expect(store.mayBeFollowed()).toBe(false);
    expect(unwrap(await store.read(2, 10))).toEqual([second, third]);
    expect(unwrap(await store.verify({ seq: 1, chain: first.chain }, 1))).toEqual({ seq: 2, chain: second.chain });
  });

  it('that does not follow the last entry is refused before it is sent', async () => {
    const { store, server } = storeOn();
    const refused = await store.commit(first.chain, [second]);
    expect(refused).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 0 } } });
    expect(!refused.ok && refused.fault.message).toContain('an append does not follow the last entry');
    expect(server.writes).toBe(0);
  });

  it('that finds no room is not there, and the next one may be', async () => {
    const { store, medium, lost, beats } = storeOn([{ refused: diskFull }]);
    expect(codeOf(await store.commit(noHead.chain, [first]))).toBe('DISK_FULL');
    expect(medium.rows).toEqual([]);
    expect(codeOf(await store.commit(noHead.chain, [first]))).toBe('ok');
    expect([lost, beats.size]).toEqual([[], 1]);
  });

  const moved = (change: Partial<FenceRow>) => (tables: Tables) =>
    tables.apply({ fence: { ...tables.fence, ...change } });
  it.each<{
    of: string;
    fates?: Fate[];
    change?: (tables: Tables, settings: Settings) => void;
    code: string;
    says: RegExp;
  }>([
    { of: 'a later epoch', change: moved({ epoch: 4, holder: 'x' }), code: 'EPOCH_STALE', says: /^epoch 4 has/ },
    { of: 'a later epoch of our own name', change: moved({ epoch: 4 }), code: 'EPOCH_STALE', says: /^epoch 4 has/ },
    { of: 'another holder', change: moved({ holder: 'x' }), code: 'EPOCH_STALE', says: /^epoch 3 has/ },
    {
      of: 'an earlier epoch',
      change: moved({ epoch: 2 }),
      code: 'JOURNAL_ROLLED_BACK',
      says: /the database ends with 0/,
    },
    { of: 'another end', change: moved({ head_chain: 'f' }), code: 'JOURNAL_ROLLED_BACK', says: /or with others/ },
    {
      ...{ of: 'another end after a loss', fates: ['unsent'], change: moved({ head_chain: 'f' }) },
      ...{ code: 'JOURNAL_ROLLED_BACK', says: /entries up to 0/ },
    },
    {
      of: 'no standby any more',
      change: (_, settings) => {
        settings.synchronous_standby_names = '';
      },
      ...{ code: 'JOURNAL_UNREPLICATED', says: /names no synchronous standby/ },
    },
    {
      ...{ of: 'a refusal that is settled', fates: [{ refused: '42501' }] },
      ...{ code: 'JOURNAL_IO', says: /PostgreSQL failed \(state 42501\)/ },
    },
  ])('that finds $of ends the store: nothing is written after it', async ({ fates = [], change, code, says }) => {
    const { store, tables, server, medium, beats, lost } = storeOn([...fates], { isReplicated: true });
    change?.(tables, server.settings);
    const refused = await store.commit(noHead.chain, [first]);
    expect(codeOf(refused)).toBe(code);
    expect(!refused.ok && refused.fault.message).toMatch(says);
    const { writes } = server;
    expect(await store.commit(noHead.chain, [first])).toEqual(refused);
    expect([server.writes, medium.rows, beats.size]).toEqual([writes, [], 0]);
    store.watch(({ code: told }: Fault) => void lost.push(told)); // Who asks later hears of it, too.
    expect(lost).toEqual([code]);
  });

  it('that the fence does not let through is asked after by a write, where the fence cannot be looked at', async () => {
    const { store, tables, medium, server, reads } = storeOn();
    tables.apply({ fence: { ...tables.fence, holder: 'x' } });
    reads.push(() => {
      tables.apply({ fence: { ...tables.fence, holder: 'me' } });
      return '57P01';
    });
    expect(codeOf(await store.commit(noHead.chain, [first]))).toBe('ok');
    expect([reads.length, server.writes, medium.rows]).toEqual([0, 3, [first]]);
  });

  it('of which nothing can be found out for too long is unknown, and nothing is undone for it', async () => {
    const { store, medium, clock } = storeOn(['unheard', ...Array.from({ length: 1_000 }, () => 'unsent' as const)]);
    const beganMs = clock.ms;
    const refused = await store.commit(noHead.chain, [first]);
    expect(codeOf(refused)).toBe('JOURNAL_IO');
    expect(!refused.ok && refused.fault.message).toMatch(
      /did not say what became of the last write \(the line is cut\)/,
    );
    expect(clock.ms - beganMs).toBeGreaterThanOrEqual(outageMs);
    expect(medium.rows).toEqual([first]);
  });
});

describe('a beat', () => {
  it('keeps the lease once a second where nothing else is written, and writes nothing', async () => {
    const { store, tables, medium, quarter, clock } = storeOn();
    await quarter();
    await quarter();
    expect(tables.fence.beat).toBe(0);
    await quarter();
    expect(tables.fence.beat).toBe(1);
    expect(codeOf(await store.commit(noHead.chain, [first]))).toBe('ok');
    const { beat } = tables.fence;
    await quarter(749);
    expect(tables.fence.beat).toBe(beat);
    await quarter(1);
    expect(tables.fence.beat).toBe(beat + 1);
    clock.ms += leaseMs - 1;
    expect(store.mayBeFollowed()).toBe(false);
    expect(medium.rows).toEqual([first]);
  });

  it('that finds no room is no end; one that finds another writer is, and is told', async () => {
    const { store, tables, quarter, lost, beats, fates } = storeOn([{ refused: diskFull }]);
    await quarter(1_000);
    expect([lost, fates.length, beats.size]).toEqual([[], 0, 1]);
    tables.apply({ fence: { ...tables.fence, epoch: 4, holder: 'other' } });
    await quarter(1_000);
    expect(lost).toEqual(['EPOCH_STALE']);
    expect(beats.size).toBe(0);
    expect(codeOf(await store.commit(noHead.chain, [first]))).toBe('EPOCH_STALE');
  });

  it('that finds no standby any more ends the store, too', async () => {
    const { server, quarter, lost, beats } = storeOn([], { isReplicated: true });
    server.settings.synchronous_standby_names = '';
    await quarter(1_000);
    expect([lost, beats.size]).toEqual([['JOURNAL_UNREPLICATED'], 0]);
  });

  it('does not wait for its turn behind what is being written', async () => {
    const { store, tables, clock, beats } = storeOn();
    clock.ms += 1_000;
    const writing = store.commit(noHead.chain, [first]);
    for (const beat of beats) beat();
    await writing;
    expect(tables.fence.beat).toBe(1);
  });
});

describe('a snapshot', () => {
  const body = '{"a":1}';
  const snapshot = { seq: 1, chain: first.chain, version: 4, body };

  it('is kept of entries that are there, and read where it hashes right', async () => {
    const { store, tables, reads } = storeOn();
    expect(await store.latestSnapshot()).toBeUndefined();
    unwrap(await store.commit(noHead.chain, [first]));
    expect(codeOf(await store.saveSnapshot(snapshot))).toBe('ok');
    expect(await store.latestSnapshot()).toEqual(snapshot);
    const foreign = await store.saveSnapshot({ ...snapshot, chain: second.chain });
    expect(foreign).toMatchObject({ ok: false, fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 1 } } });
    expect(!foreign.ok && foreign.fault.message).toContain('the snapshot of entry 1 belongs to another journal');
    expect(await store.latestSnapshot()).toEqual(snapshot);
    reads.push(() => '42501');
    expect(await store.latestSnapshot()).toBeUndefined(); // It only saves time: a start folds from the first line.
    tables.journal.snapshot = { ...(tables.journal.snapshot ?? expect.fail('no snapshot')), body: '{"a":2}' };
    expect(await store.latestSnapshot()).toBeUndefined();
  });

  it('is refused of a writer that was followed, and where the server refuses', async () => {
    const { store, tables, fates } = storeOn();
    unwrap(await store.commit(noHead.chain, [first]));
    fates.push({ refused: '42501' });
    expect(codeOf(await store.saveSnapshot(snapshot))).toBe('JOURNAL_IO');
    tables.apply({ fence: { ...tables.fence, epoch: 4, holder: 'other' } });
    expect(codeOf(await store.saveSnapshot(snapshot))).toBe('EPOCH_STALE');
    expect(tables.journal.snapshot).toBeUndefined();
  });
});

it('a store that is closed has handed its fence over, and beats no more', async () => {
  const { store, tables, beats } = storeOn();
  await Promise.all([store.close(), store.close()]);
  expect(tables.fence.holder).toBe('');
  expect(beats.size).toBe(0);
});
