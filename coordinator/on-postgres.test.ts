import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../base/fault.ts';
import { makeLog } from '../base/log.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { RoundId } from '../proto/ids.ts';
import { backUp, verifyDataDir } from './backup.ts';
import { startCoordinator } from './coordinator.ts';
import { backUpDatabase, verifyDatabase } from './database-copy.ts';
import { keyStoreContract } from './keys/key-store-contract.ts';
import { placeInDatabase } from './keys/place-in-database.ts';
import { Vault } from './keys/vault.ts';
import { openPostgresStore } from './ledger/journal/postgres/open-postgres.ts';
import { readBeside } from './ledger/journal/read-beside.ts';
import { SqliteFile } from './ledger/journal/sqlite-file.ts';
import { moveToDatabase, moveToFolder } from './move-journal.ts';
import { ensureLayout } from './postgres/layout.ts';
import { PostgresLink } from './postgres/link.ts';
import type { TestCluster } from './testing/cluster.ts';
import { environment, TestFederation, track } from './testing/federation.ts';
import { PostgresServer } from './testing/postgres-server.ts';
import { tempDir } from './testing/temp-dir.ts';

const values = 300;
let server: PostgresServer;
let schemas = 0;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.remove());

/** A link to a schema of its own, with its tables. */
async function freshLink(schema = `keys_${++schemas}`): Promise<PostgresLink> {
  const link = new PostgresLink(server.settings({ schema }), systemTimers);
  onTestFinished(() => link.close());
  unwrap(await ensureLayout(link));
  return link;
}

const entriesIn = async (schema: string) =>
  (await server.sql(`SELECT count(*)::int AS entries FROM ${schema}.entries`))[0]?.entries as number;

const vaultOn = async (link: PostgresLink) =>
  unwrap(await Vault.openIn(placeInDatabase(link).secrets, 'correct horse battery staple'));

keyStoreContract('a vault in a database', async () => vaultOn(await freshLink()));

describe('keys in a database', () => {
  it('are sealed there, and open under the one master key alone', async () => {
    const link = await freshLink();
    await (await vaultOn(link)).put('round-key', Buffer.from('a secret that nobody may read'));
    const rows = await server.sql(`SELECT sealed FROM ${link.settings.schema}.secrets WHERE name = 'round-key'`);
    expect(String(rows[0]?.sealed)).not.toContain('a secret');
    expect(String(rows[0]?.sealed)).toContain('TSTDKEY1');
    expect(await Vault.openIn(placeInDatabase(link).secrets, 'another master key')).toMatchObject({
      fault: { code: 'MASTER_KEY_WRONG' },
    });
  });

  it('open for all who have made their vault at once, whoever was first', async () => {
    const links = await Promise.all(Array.from({ length: 3 }, () => freshLink('at_once')));
    const vaults = await Promise.all(links.map(vaultOn));
    for (const [index, vault] of vaults.entries()) await vault.put(`of-${index}`, Buffer.from(`secret ${index}`));
    const later = await vaultOn(await freshLink('at_once'));
    for (const index of vaults.keys()) {
      expect(Buffer.from((await later.get(`of-${index}`)) ?? []).toString()).toBe(`secret ${index}`);
    }
  });

  it('are neither destroyed nor replaced by a coordinator that another has followed', async () => {
    const stale = await freshLink();
    const vault = await vaultOn(stale);
    unwrap(await openPostgresStore(stale));
    await vault.put('round-key', Buffer.from('of the stale one'));
    const link = await freshLink(stale.settings.schema);
    unwrap(await openPostgresStore(link));
    await expect(vault.destroy('round-key')).rejects.toThrow('EPOCH_STALE');
    await expect(vault.put('round-key', Buffer.from('another'))).rejects.toThrow('EPOCH_STALE');
    const successor = await vaultOn(link);
    expect(Buffer.from((await successor.get('round-key')) ?? []).toString()).toBe('of the stale one');
    await successor.destroy('round-key');
    expect(await successor.get('round-key')).toBeUndefined();
  });
});

it('who founds and loses what held others off writes nothing more: another may be founding by then', async () => {
  const place = placeInDatabase(await freshLink('founded_alone'));
  const losing = place.alone(async (own) => {
    await own.writeCertificate('issuer', 'of the first');
    const [lock] = await server.sql(`SELECT pid FROM pg_locks WHERE locktype = 'advisory'`);
    await server.sql(`SELECT pg_terminate_backend(${lock?.pid}, 10000)`);
    const another = placeInDatabase(await freshLink('founded_alone'));
    await another.alone(async (its) => ok(await its.writeCertificate('issuer', 'of another')));
    return ok(await own.writeCertificate('issuer', 'of the first, again'));
  });
  await expect(losing).rejects.toThrow('JOURNAL_IO');
  expect(await place.readCertificate('issuer')).toBe('of another');
});

it('a transaction is not gone on with over another connection than it began on', async () => {
  const link = await freshLink('cut_short');
  const answers = await link.aloneOverOne(async (ask) => {
    await ask('BEGIN');
    const pid = await ask('SELECT pg_backend_pid() AS pid');
    const ended = pid.kind === 'rows' ? pid.rows[0]?.pid : undefined;
    await server.sql(`SELECT pg_terminate_backend(${ended}, 10000)`);
    await ask('SELECT 1'); // Learns of it, if it was not heard of by itself.
    return [await ask(`INSERT INTO cut_short.identity VALUES ('root', 'half')`), await ask('COMMIT')];
  });
  expect(answers).toMatchObject([{ kind: 'lost' }, { kind: 'lost' }]);
  expect(await link.repeat('SELECT name FROM cut_short.identity')).toMatchObject({ kind: 'rows', rows: [] });
});

/** Settings of a coordinator on a schema of its own, and the file that holds the password. */
function databaseIn(folder: string, schema: string, on = server): string[] {
  const file = join(folder, 'password');
  writeFileSync(file, `${PostgresServer.password}\n`, { mode: 0o600 });
  const set = { address: on.url, 'password.file': file, schema };
  return Object.entries(set).map(([name, value]) => `journal.postgres.${name}=${value}`);
}

/** A whole round by a, b and c, as they were when they took part in an earlier one, or newly enrolled. */
async function runRound(federation: TestFederation, before: readonly TestCluster[] = []) {
  const known = await Promise.all(before.map((member) => federation.reconnect(member)));
  const members = known.length > 0 ? known : await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
  for (const member of members) await member.watch([track]);
  const round = await federation.openRound();
  for (const [index, member] of members.entries()) {
    await member.invitationTo(round);
    unwrap(await member.submit(new Float32Array(values).fill(0.01 * (index + 1))));
  }
  await federation.until(({ tracks }) => tracks.get(track)?.rounds.get(round as RoundId)?.phase.kind === 'candidate');
  return members;
}

describe('a coordinator on PostgreSQL', () => {
  it('takes a round over mTLS, holds off a second start, and goes on after a restart', async () => {
    const folder = tempDir();
    const settings = databaseIn(folder, 'whole');
    const federation = await TestFederation.start({ values, settings, dataDirectory: folder });
    const members = await runRound(federation);
    expect(readdirSync(join(folder, 'data'))).not.toContain('journal.sqlite');
    expect(readdirSync(join(folder, 'data'))).not.toContain('keys');
    const second = await startCoordinator(federation.config, { environment });
    expect(second).toMatchObject({ ok: false, fault: { code: 'JOURNAL_HELD' } });

    const { epoch } = federation.coordinator.engine;
    const authority = federation.authority;
    await federation.restart();
    expect(federation.authority).toBe(authority);
    expect(federation.coordinator.engine.epoch).toBe(epoch + 1);
    await runRound(federation, members);
    expect(await federation.coordinator.engine.verify()).toMatchObject({ ok: true });
  });

  it('is followed by its standby, which reads along, says that it is none to call, and goes on with the next round', async () => {
    const folder = tempDir();
    const settings = databaseIn(folder, 'followed');
    const federation = await TestFederation.start({ values, settings, dataDirectory: folder });
    const members = await runRound(federation);
    const { epoch } = federation.coordinator.engine;
    const [standing, lines] = [Promise.withResolvers<number>(), new PassThrough()];
    createInterface({ input: lines }).on('line', (line) => {
      const { healthPort } = JSON.parse(line) as { healthPort?: number };
      if (healthPort !== undefined) standing.resolve(healthPort);
    });
    const stopping = new AbortController();
    const log = makeLog('info', { to: lines });
    const standby = federation.standBy({ standby: stopping.signal, log });
    const page = async (name: string) => fetch(`http://127.0.0.1:${await standing.promise}/${name}`);
    const head = federation.coordinator.engine.state().seq;
    const read = async () => {
      const [, leads, entry] = /epoch (\d+) leads, entry (\d+) is read/.exec(await (await page('readyz')).text()) ?? [];
      return Number(leads) === epoch ? Number(entry) : 0;
    };
    await expect.poll(read, { interval: 50 }).toBeGreaterThanOrEqual(head);
    expect((await page('readyz')).status).toBe(503);
    expect((await page('healthz')).status).toBe(200);
    const follows = await (await page('metrics')).text();
    expect(follows).toContain('testudo_coordinator_leads 0\n');
    expect(Number(/^testudo_journal_entry (\d+)$/m.exec(follows)?.[1])).toBeGreaterThanOrEqual(head);

    await federation.coordinator.close();
    await standby;
    expect(federation.coordinator.engine.epoch).toBe(epoch + 1);
    const leads = await (await fetch(`http://${federation.coordinator.addresses.health}/metrics`)).text();
    expect(leads).toContain(`testudo_coordinator_leads 1\n`);
    expect(leads).toContain(`testudo_coordinator_epoch ${epoch + 1}\n`);
    await runRound(federation, members);
  });

  it('is not ready while its database is away for longer than the lease, and ready again with it', async () => {
    const own = await PostgresServer.start();
    onTestFinished(() => own.remove());
    const folder = tempDir();
    const settings = [
      ...databaseIn(folder, 'away', own),
      'journal.postgres.leaseSeconds=2',
      'journal.postgres.outageSeconds=3600',
    ];
    const federation = await TestFederation.start({ values, settings, dataDirectory: folder });
    const page = () => fetch(`http://${federation.coordinator.addresses.health}/readyz`);
    const ready = async () => (await page()).status;
    expect(await ready()).toBe(200);
    await own.end('SIGQUIT');
    await expect.poll(ready, { interval: 50, timeout: 600_000 }).toBe(503);
    expect(await (await page()).text()).toContain('another coordinator may lead');
    await own.startAgain();
    await expect.poll(ready, { interval: 50, timeout: 600_000 }).toBe(200);
  });

  it('ends a standby that is told to stop while it takes over: nobody tells it again', async () => {
    const folder = tempDir();
    const settings = databaseIn(folder, 'stopped_late');
    const federation = await TestFederation.start({ values, settings, dataDirectory: folder });
    const [stopping, lines, told] = [new AbortController(), new PassThrough(), Promise.withResolvers<void>()];
    createInterface({ input: lines }).on('line', (line) => {
      if (line.includes('standing by')) told.resolve();
      if (line.includes('taking over')) stopping.abort();
    });
    const log = makeLog('info', { to: lines });
    const standby = startCoordinator(federation.config, { environment, standby: stopping.signal, log });
    await told.promise;
    await federation.coordinator.close();
    expect(await standby).toMatchObject({ ok: false, fault: { code: 'STANDBY_STOPPED' } });
    const next = unwrap(await startCoordinator(federation.config, { environment }));
    expect(next.engine.epoch).toBe(federation.coordinator.engine.epoch + 2); // It had taken over, and has let go.
    await next.close();
  });

  it('refuses to stand by beside a data directory, and stops when it is told to', async () => {
    const alone = await TestFederation.start({ values });
    const stopped = AbortSignal.abort();
    const refused = await startCoordinator(alone.config, { environment, standby: stopped });
    expect(refused).toMatchObject({ ok: false, fault: { code: 'STANDBY_ALONE' } });
    const folder = tempDir();
    const settings = databaseIn(folder, 'stopped');
    const { config } = await TestFederation.start({ values, settings, dataDirectory: folder });
    const ended = await startCoordinator(config, { environment, standby: stopped });
    expect(ended).toMatchObject({ ok: false, fault: { code: 'STANDBY_STOPPED' } });
  });

  it('is not moved out, and keeps its keys, once another has taken it over from who moves it', async () => {
    const link = await freshLink('overtaken');
    await (await vaultOn(link)).put('issuer-key', Buffer.from('of who goes on'));
    const [slow, repeat] = [await freshLink('overtaken'), PostgresLink.prototype.repeat];
    slow.repeat = async (text, values) => {
      if (text.includes('moved_to =')) unwrap(await openPostgresStore(link));
      return repeat.call(slow, text, values);
    };
    expect(await moveToFolder(slow, tempDir())).toMatchObject({ fault: { code: 'EPOCH_STALE' } });
    expect(Buffer.from((await (await vaultOn(link)).get('issuer-key')) ?? []).toString()).toBe('of who goes on');
    expect(await server.sql('SELECT moved_to, holder FROM overtaken.fence')).toEqual([
      { moved_to: null, holder: link.writer?.holder },
    ]);
  });

  it('takes its keys along into a folder that holds the same journal already, and no keys', async () => {
    const [link, data] = [await freshLink('renamed'), tempDir()];
    await (await vaultOn(link)).put('issuer-key', Buffer.from('the only one'));
    unwrap(SqliteFile.open(join(data, 'journal.sqlite'))).close();
    unwrap(await moveToFolder(link, data));
    const vault = unwrap(await Vault.open(join(data, 'keys'), 'correct horse battery staple'));
    expect(Buffer.from((await vault.get('issuer-key')) ?? []).toString()).toBe('the only one');
  });

  it('moves there and back with the same chain, is backed up, and is refused where it was left', async () => {
    const folder = tempDir();
    const data = join(folder, 'data');
    const settings = databaseIn(folder, 'moved');
    const first = await TestFederation.start({ values, dataDirectory: folder });
    const members = await runRound(first);
    const link = () => new PostgresLink(server.settings({ schema: 'moved' }), systemTimers);
    const demanding = server.settings({ schema: 'moved', isReplicated: true });
    const locked = link();
    expect(await moveToDatabase(data, locked)).toMatchObject({ fault: { code: 'DATA_DIR_LOCKED' } });
    await locked.close();
    await first.coordinator.close();
    const before = unwrap(verifyDataDir(data));
    // What a killed coordinator left: a secret half written, by an earlier build too, and one overwritten but not removed.
    const leftover = ['r-9.key.partial', 'r-8.key', 'r-7.key.new'];
    for (const name of leftover) {
      writeFileSync(join(data, 'keys', name), name === 'r-8.key' ? 'testudo/erased\n and noise' : 'half a secret');
    }
    const tooEarly = TestFederation.start({ values, settings, dataDirectory: folder });
    await expect(tooEarly).rejects.toThrow('JOURNAL_NOT_MOVED');

    // Without the standby that is asked for nothing goes there, and while none has confirmed it nothing goes here.
    const [own, alone] = [readdirSync(join(data, 'keys')), new PostgresLink(demanding, systemTimers)];
    expect(await moveToDatabase(data, alone)).toMatchObject({ fault: { code: 'JOURNAL_UNREPLICATED' } });
    await alone.close();
    expect(await entriesIn('moved')).toBe(0);
    const there = link();
    onTestFinished(() => there.close());
    const { repeat } = there;
    there.repeat = async (text, values) => {
      const answer = await repeat.call(there, text, values);
      return text.includes('beat + 1') && (await entriesIn('moved')) > 0 ? { ...answer, isWeak: true } : answer;
    };
    expect(await moveToDatabase(data, there)).toMatchObject({ fault: { code: 'MOVE_FAILED' } });
    expect(readdirSync(join(data, 'keys'))).toEqual(own);

    // Ended while it destroys the keys: there is no journal any more that a start would take for one whose keys are lost.
    const stuck = join(data, 'keys', 'zz');
    there.repeat = async (text, values) => {
      if (text.includes('beat + 1') && (await entriesIn('moved')) > 0) mkdirSync(stuck, { recursive: true });
      return repeat.call(there, text, values);
    };
    await expect(moveToDatabase(data, there)).rejects.toThrow(/zz/);
    there.repeat = repeat;
    expect(readdirSync(data)).toEqual(expect.arrayContaining(['journal.moved.sqlite']));
    expect(readdirSync(data)).not.toContain('journal.sqlite');
    await expect(TestFederation.start({ values, dataDirectory: folder })).rejects.toThrow('JOURNAL_MOVED');
    rmSync(stuck, { recursive: true });
    writeFileSync(join(data, 'keys', 'issuer-key'), 'what was not destroyed yet');
    expect(unwrap(await moveToDatabase(data, there))).toEqual(before);
    expect(readdirSync(join(data, 'keys'))).toEqual([]);
    // Whoever asks with the configuration of before is told the same, and not that a disk failed.
    const asked = [verifyDataDir(data), await backUp(data, join(folder, 'none')), readBeside(data)];
    expect(asked.map((each) => each.ok || each.fault.code)).toEqual(Array(3).fill('JOURNAL_MOVED'));
    expect(existsSync(join(folder, 'none'))).toBe(false);
    expect(verifyDataDir(tempDir())).toMatchObject({ fault: { code: 'JOURNAL_MISSING' } });
    const taken = (await server.sql('SELECT name FROM moved.secrets')).map(({ name }) => name);
    expect(taken).toEqual(expect.arrayContaining(own.filter((name) => !leftover.includes(name))));
    expect(taken.filter((name) => leftover.includes(String(name)))).toEqual([]);
    const twice = await moveToDatabase(data, there);
    expect(twice).toMatchObject({
      fault: { code: 'JOURNAL_MISSING', message: expect.stringContaining('moved before') },
    });
    await expect(TestFederation.start({ values, dataDirectory: folder })).rejects.toThrow('JOURNAL_MOVED');
    const moved = await TestFederation.start({ values, settings, dataDirectory: folder });
    expect(moved.authority).toBe(first.authority);
    await runRound(moved, members);
    const backup = join(folder, 'backup');
    const saved = unwrap(await backUpDatabase(there, data, backup));
    await moved.coordinator.close();

    const head = unwrap(await verifyDatabase(there));
    expect(saved.seq).toBeLessThanOrEqual(head.seq);
    const other = tempDir();
    cpSync(join(data, 'journal.moved.sqlite'), join(other, 'journal.sqlite'));
    expect(await moveToFolder(link(), other)).toMatchObject({ fault: { code: 'JOURNAL_EXISTS' } });
    expect(await server.sql('SELECT holder FROM moved.fence')).toEqual([{ holder: '' }]);
    expect(unwrap(await moveToFolder(link(), data))).toEqual(head);
    expect(verifyDataDir(data)).toMatchObject({ ok: true, value: head });
    // The same chain stands in the schema still, without keys: the only ones left must not be destroyed.
    const kept = readdirSync(join(data, 'keys'));
    expect(kept).toContain('vault-check');
    expect(await moveToDatabase(data, there)).toMatchObject({ fault: { code: 'JOURNAL_EXISTS' } });
    expect(readdirSync(join(data, 'keys'))).toEqual(kept);
    const gone = TestFederation.start({ values, settings, dataDirectory: tempDir() });
    await expect(gone).rejects.toThrow('JOURNAL_MOVED');
    const back = await TestFederation.start({ values, dataDirectory: folder });
    await runRound(back, members);
    expect(await back.coordinator.engine.verify()).toMatchObject({ ok: true });

    const restored = tempDir();
    cpSync(backup, join(restored, 'data'), { recursive: true });
    const again = await TestFederation.start({ values, dataDirectory: restored });
    expect(again.authority).toBe(first.authority);
    await runRound(again, members);
  });
});
