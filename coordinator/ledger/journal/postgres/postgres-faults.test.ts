import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../../../base/fault.ts';
import { systemTimers } from '../../../../base/system-timers.ts';
import type { PostgresSettings } from '../../../postgres/connection.ts';
import { PostgresLink } from '../../../postgres/link.ts';
import { HeldLine, openLine } from '../../../testing/held-line.ts';
import { PostgresServer } from '../../../testing/postgres-server.ts';
import { GroupCommitJournal } from '../group-commit-journal.ts';
import type { Journal } from '../journal.ts';
import { draft } from '../journal-contract.ts';
import { openPostgresJournal } from '../open-journal.ts';
import { followUntilFree } from './lease.ts';
import { openPostgresStore } from './open-postgres.ts';

let server: PostgresServer;
let schemas = 0;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

async function openOn(settings: PostgresSettings, timers = systemTimers): Promise<Journal> {
  const link = new PostgresLink(settings, timers);
  const journal = new GroupCommitJournal(unwrap(await openPostgresStore(link)), timers);
  onTestFinished(() => journal.close());
  return journal;
}

/** Settings of a fresh schema, reached over a line that a test may cut. */
async function overLine() {
  const line = await HeldLine.open(() => server.port);
  onTestFinished(() => line.close());
  const direct = server.settings({ schema: `faults_${++schemas}` });
  return { line, direct, settings: { ...direct, hosts: [{ host: '127.0.0.1', port: line.port }] } };
}

async function countIn(schema: string, on = server): Promise<number> {
  const [row] = await on.sql(`SELECT count(*) AS count FROM ${schema}.entries`);
  return Number(row?.count);
}

/** What the server's own account of its connections says. */
async function waiting(condition: string, on = server): Promise<void> {
  await expect
    .poll(async () => (await on.sql(`SELECT 1 FROM pg_stat_activity WHERE ${condition}`)).length, { interval: 20 })
    .toBeGreaterThan(0);
}

const codeOf = async (outcome: Promise<{ ok: boolean; fault?: { code: string } }>) => (await outcome).fault?.code;

describe('a PostgreSQL journal whose line is cut at a commit', () => {
  it('finds a commit kept that was done and not answered, and does it once', async () => {
    const { line, direct, settings } = await overLine();
    const journal = await openOn(settings);
    await journal.append([draft(1)]).durable;
    line.mode = { toServer: 'pass', toClient: 'drop' };
    const unheard = journal.append([draft(2), draft(3)]);
    await expect.poll(() => countIn(direct.schema), { interval: 20 }).toBe(3);
    line.mode = openLine;
    line.cut();
    expect((await unheard.durable).ok).toBe(true);
    expect((await journal.append([draft(4)]).durable).ok).toBe(true);
    expect(await journal.verify()).toMatchObject({ ok: true, value: { seq: 4 } });
    expect(await countIn(direct.schema)).toBe(4);
  });

  it('sends again what never arrived, and what arrives late after all writes nothing', async () => {
    const { line, direct, settings } = await overLine();
    const journal = await openOn(settings);
    await journal.append([draft(1)]).durable;
    line.mode = { toServer: 'hold', toClient: 'pass' };
    const late = journal.append([draft(2)]);
    await expect.poll(() => line.heldBytes, { interval: 20 }).toBeGreaterThan(0);
    line.cutClients();
    line.mode = openLine;
    expect((await late.durable).ok).toBe(true);
    expect((await journal.append([draft(3)]).durable).ok).toBe(true);
    line.deliver();
    expect((await journal.append([draft(4)]).durable).ok).toBe(true);
    expect(await journal.verify()).toMatchObject({ ok: true, value: { seq: 4 } });
    expect(await countIn(direct.schema)).toBe(4);
  });

  it('writes nothing of one that was taken over when its bytes arrive, and ends it by the fence', async () => {
    const { line, direct, settings } = await overLine();
    const stale = await openOn(settings);
    await stale.append([draft(1)]).durable;
    line.mode = { toServer: 'hold', toClient: 'pass' };
    const late = stale.append([draft(2)]);
    await expect.poll(() => line.heldBytes, { interval: 20 }).toBeGreaterThan(0);
    const successor = await openOn(direct);
    expect((await successor.append([draft(5)]).durable).ok).toBe(true);
    line.mode = openLine;
    line.deliver();
    expect(await codeOf(late.durable)).toBe('EPOCH_STALE');
    expect(await successor.verify()).toMatchObject({ ok: true, value: { seq: 2 } });
    const read = unwrap(await successor.read(1, 10));
    expect(read.map(({ event }) => event)).toEqual([draft(1).event, draft(5).event]);
  });

  it('asks who leads once more, where it stood still for longer than its database may be away', async () => {
    const { line, direct, settings } = await overLine();
    let stoodStillMs = 0;
    const timers = { ...systemTimers, monotonicMs: () => systemTimers.monotonicMs() + stoodStillMs };
    const stale = await openOn({ ...settings, outageMs: 600_000 }, timers);
    await stale.append([draft(1)]).durable;
    line.mode = { toServer: 'hold', toClient: 'pass' };
    const late = stale.append([draft(2)]);
    await expect.poll(() => line.heldBytes, { interval: 20 }).toBeGreaterThan(0);
    await openOn(direct);
    stoodStillMs = 3_600_000;
    line.mode = openLine;
    line.cutClients();
    expect(await codeOf(late.durable)).toBe('EPOCH_STALE');
  });

  it.each(['its writer goes on', 'another takes over'])(
    'waits for no commit that stopped on its way, done and never ended: %s',
    async (who) => {
      const { line, direct, settings } = await overLine();
      const journal = await openOn(settings);
      await journal.append([draft(1)]).durable;
      line.mode = { toServer: 'hold', toClient: 'pass' };
      const late = journal.append([draft(2)]);
      await expect.poll(() => line.heldBytes, { interval: 20 }).toBeGreaterThan(0);
      const lastMessage = 5; // Sync: until it comes the server has done the statement, and keeps its transaction and the row's lock.
      line.deliver(lastMessage);
      const unended = `wait_event = 'ClientRead' AND state = 'active' AND query LIKE '%head_seq = $4%'`;
      await waiting(`${unended} AND xact_start < clock_timestamp() - interval '1 second'`);
      if (who === 'its writer goes on') {
        line.mode = openLine;
        line.cutClients(); // The server does not hear of it.
        expect((await late.durable).ok).toBe(true);
        expect(await countIn(direct.schema)).toBe(2);
      } else {
        const successor = await openOn(direct);
        expect((await successor.append([draft(5)]).durable).ok).toBe(true);
        line.mode = openLine;
        line.deliver();
        expect(await codeOf(late.durable)).toBe('EPOCH_STALE');
        const read = unwrap(await successor.read(1, 10));
        expect(read.map(({ event }) => event)).toEqual([draft(1).event, draft(5).event]);
      }
    },
  );

  it('is whole however many bytes of a commit arrive before the cut', async () => {
    const { line, direct, settings } = await overLine();
    const journal = await openOn(settings);
    await journal.append([draft(0)]).durable;
    for (const [index, bytes] of [1, 50, 600, 900, 1_100].entries()) {
      line.cutAfter(bytes);
      expect((await journal.append([draft(2 * index), draft(2 * index + 1)]).durable).ok).toBe(true);
    }
    expect(await journal.verify()).toMatchObject({ ok: true, value: { seq: 11 } });
    expect(await countIn(direct.schema)).toBe(11);
  });

  it('stops without a word about the outcome when nobody answers for too long', async () => {
    const { line, direct, settings } = await overLine();
    const journal = await openOn({ ...settings, outageMs: 300 });
    line.mode = { toServer: 'pass', toClient: 'drop' };
    const unheard = journal.append([draft(1)]);
    await expect.poll(() => countIn(direct.schema), { interval: 20 }).toBe(1);
    await line.close();
    expect(await codeOf(unheard.durable)).toBe('JOURNAL_IO');
    expect(await codeOf(journal.append([draft(2)]).durable)).toBe('JOURNAL_IO');
    const again = await openOn(direct);
    expect(again.head.seq).toBe(1); // Kept after all: the next start says so.
  });
});

describe('a PostgreSQL journal', () => {
  it('hears of its successor without writing, by its own beat', async () => {
    const settings = server.settings({ schema: `faults_${++schemas}` });
    const first = await openOn(settings);
    const told = Promise.withResolvers<string>();
    first.observe({ durable: () => {}, undone: ({ code }) => told.resolve(code) });
    await openOn(settings);
    expect(await told.promise).toBe('EPOCH_STALE');
  });

  it('is taken over by one of two standbys that found it free: the slower does not end the other', async () => {
    const settings = server.settings({ schema: `faults_${++schemas}` });
    const first = await openOn(settings);
    await first.append([draft(1)]).durable;
    await first.close();
    const standbys = [1, 2].map(() => new PostgresLink(settings, systemTimers));
    onTestFinished(async () => void (await Promise.all(standbys.map((link) => link.close()))));
    const [faster, slower] = standbys as [PostgresLink, PostgresLink];
    const follower = { tell: () => {}, take: () => ok(undefined) };
    const follow = async (link: PostgresLink) =>
      unwrap(await followUntilFree(link, new AbortController().signal, follower));
    const found = await Promise.all([follow(faster), follow(slower)]);
    const leader = unwrap(await openPostgresJournal(faster, found[0]));
    expect(await openPostgresJournal(slower, found[1])).toMatchObject({
      fault: { code: 'JOURNAL_HELD', message: expect.stringContaining('took it over first') },
    });
    expect((await leader.append([draft(2)]).durable).ok).toBe(true);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)('goes on over a server that ended by %s at a commit', async (signal) => {
    const settings = server.settings({ schema: `faults_${++schemas}` });
    const journal = await openOn(settings);
    const appended = Array.from({ length: 50 }, (_, index) => journal.append([draft(index)]).durable);
    await appended[0];
    const more = Array.from({ length: 50 }, (_, index) => journal.append([draft(index)]).durable);
    await server.end(signal);
    await server.startAgain();
    for (const outcome of await Promise.all([...appended, ...more])) expect(outcome.ok).toBe(true);
    expect(await journal.verify()).toMatchObject({ ok: true, value: { seq: 100 } });
  });

  it('takes no entry back: rows are guarded against update, delete and truncate', async () => {
    const settings = server.settings({ schema: `faults_${++schemas}` });
    const journal = await openOn(settings);
    await journal.append([draft(1)]).durable;
    for (const statement of ['DELETE FROM', 'TRUNCATE']) {
      await expect(server.sql(`${statement} ${settings.schema}.entries`)).rejects.toThrow('append-only');
    }
    await expect(server.sql(`UPDATE ${settings.schema}.entries SET body = ''`)).rejects.toThrow('append-only');
  });

  it('stops at its position where an entry was changed, and where its end is cut off', async () => {
    const settings = server.settings({ schema: `faults_${++schemas}` });
    const journal = await openOn(settings);
    await journal.append([draft(1), draft(2), draft(3)]).durable;
    await journal.close();
    const tamper = (change: string) =>
      server.sql(`ALTER TABLE ${settings.schema}.entries DISABLE TRIGGER ALL; ${change}`);
    const openAgain = async () => {
      const link = new PostgresLink(settings, systemTimers);
      onTestFinished(() => link.close());
      return openPostgresStore(link);
    };
    await tamper(`DELETE FROM ${settings.schema}.entries WHERE seq = 3`);
    expect(await openAgain()).toMatchObject({ fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 3 } } });
    await tamper(`UPDATE ${settings.schema}.entries SET body = replace(body, 'reason 2', 'reason X') WHERE seq = 2`);
    expect(await openAgain()).toMatchObject({ fault: { code: 'JOURNAL_DAMAGED', fields: { seq: 2 } } });
  });

  it('is not opened on a server that would lose what was acknowledged', async () => {
    const careless = await PostgresServer.start(['fsync=off']);
    onTestFinished(() => careless.remove());
    const link = new PostgresLink(careless.settings({ outageMs: 0 }), systemTimers);
    const opened = await openPostgresStore(link);
    expect(opened).toMatchObject({ ok: false, fault: { message: expect.stringContaining('fsync is off') } });
    await link.close();
  });
});

describe('a PostgreSQL journal with a standby', () => {
  it('acknowledges nothing that the standby has not: a wait that was cancelled is no success', async () => {
    const primary = await PostgresServer.start();
    await primary.set('synchronous_standby_names', 'second');
    onTestFinished(() => primary.remove());
    const standby = await primary.startStandby('second');
    onTestFinished(() => standby.remove());
    const settings = primary.settings({ isReplicated: true });
    // A beat would wait for the standby before the commit does, and keep it from its turn.
    const beatless = { ...systemTimers, every: () => systemTimers.after(0, () => {}) };
    const journal = await openOn(settings, beatless);
    expect((await journal.append([draft(1)]).durable).ok).toBe(true);
    await standby.end();
    let isDurable = false;
    const weak = journal.append([draft(2)]).durable.finally(() => {
      isDurable = true;
    });
    await waiting(`wait_event = 'SyncRep'`, primary);
    await primary.sql(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
    // Others see the row by now, and the server has said "success, with a warning".
    await expect.poll(() => countIn(settings.schema, primary), { interval: 20 }).toBe(2);
    await waiting(`wait_event = 'SyncRep' AND query LIKE '%UPDATE%' AND query NOT LIKE '%INSERT%'`, primary);
    expect(isDurable).toBe(false);
    await standby.startAgain();
    expect((await weak).ok).toBe(true);

    await primary.set('synchronous_standby_names', '');
    expect(await codeOf(journal.append([draft(3)]).durable)).toBe('JOURNAL_UNREPLICATED');
    expect(await countIn(settings.schema, primary)).toBe(2);
  });

  it('says so when a standby is promoted that lacks entries, and goes on with none', async () => {
    const primary = await PostgresServer.start();
    onTestFinished(() => primary.remove());
    const standby = await primary.startStandby('second');
    onTestFinished(() => standby.remove());
    const hosts = [primary, standby].map(({ port }) => ({ host: '127.0.0.1', port }));
    const journal = await openOn(primary.settings({ hosts }));
    await journal.append([draft(1)]).durable;
    await expect
      .poll(
        () =>
          standby.sql('SELECT 1 FROM testudo.entries').then(
            ({ length }) => length,
            () => 0,
          ),
        { interval: 20 },
      )
      .toBe(1);
    await standby.end();
    await journal.append([draft(2), draft(3)]).durable;
    await primary.end('SIGKILL');
    await standby.startAgain();
    await standby.sql('SELECT pg_promote()');
    const outcome = await journal.append([draft(4)]).durable;
    expect(outcome).toMatchObject({ fault: { code: 'JOURNAL_ROLLED_BACK', fields: { known: 3, found: 1 } } });
    expect(await countIn('testudo', standby)).toBe(1);
  });
});
