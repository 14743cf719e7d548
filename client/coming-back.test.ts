import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { makeLog } from '../base/log.ts';
import { ShiftedTimers } from '../base/testing/shifted-timers.ts';
import { operator, TestFederation, track } from '../coordinator/testing/federation.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { startTcpProxy } from '../lab/testing/tcp-proxy.ts';
import { parseClusterId } from '../proto/ids.ts';
import { startClient } from './client.ts';
import { parseClientConfig } from './config.ts';
import type { UplinkReport } from './rounds/ports.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const histogram = fileURLToPath(new URL('./learning/testing/histogram', import.meta.url));
const north = parseClusterId('north');

/** Rounds of one cluster: what counts here is that it takes part at all. */
const policy = `
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: count, updates: 1 }, overSelection: 1, quorum: { kind: count, updates: 1 }, collectForMs: 60000 }
`;

/** A real coordinator whose wall clock is `agoMs` behind, and a folder for one client of it. */
async function start(agoMs: number, settings: readonly string[] = []) {
  const timers = new ShiftedTimers(-agoMs);
  const federation = await TestFederation.start({
    timers,
    policy,
    values: 400,
    architecture: 'histogram/1',
    settings: ['certificates.serverDays=366', ...settings],
  });
  const folder = tempDir();
  const lines = Array.from({ length: 20 }, (_, at) => `train\tc01\tnginx\tnormal\tnginx.${at}\t0 1 3 ${at} 257`);
  await writeFile(join(folder, 'traces.tsv.gz'), gzipSync(`${lines.join('\n')}\n`));
  const giveToken = async (cluster: string) => writeFile(join(folder, 'token'), await federation.token(cluster));
  await giveToken('north');
  return { federation, folder, timers, giveToken };
}

type World = Awaited<ReturnType<typeof start>>;

/** The client of that folder, as its next run; `timers` are its own clock. */
async function run({ federation, folder }: World, timers: ShiftedTimers, way?: string) {
  const { enrolment, federation: member } = federation.coordinator.addresses;
  const settings = {
    dataDirectory: 'data',
    coordinator: { addresses: [way ?? member], enrolAddress: enrolment, reconnectSecondsMax: 0.2 },
    joinToken: { file: 'token' },
    tracks: [{ id: 'syscall', folder: histogram }],
    sources: [{ kind: 'traceFile', path: join(folder, 'traces.tsv.gz') }],
    health: { listen: '127.0.0.1:0' },
  };
  const file = { path: join(folder, 'client.yaml'), text: JSON.stringify(settings) };
  const reports: UplinkReport[] = [];
  const heard: ((report: UplinkReport) => void)[] = [];
  const onReport = (report: UplinkReport) => {
    reports.push(report);
    for (const listener of heard) listener(report);
  };
  const client = unwrap(
    await startClient(unwrap(parseClientConfig({ file })), { log: makeLog('silent'), timers, onReport }),
  );
  onTestFinished(() => client.close());
  const until = <Kind extends UplinkReport['kind']>(kind: Kind): Promise<Extract<UplinkReport, { kind: Kind }>> => {
    const ofKind = (report: UplinkReport): report is Extract<UplinkReport, { kind: Kind }> => report.kind === kind;
    const found = reports.find(ofKind);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => heard.push((report) => ofKind(report) && resolve(report)));
  };
  const readyz = async () => {
    const response = await fetch(`http://127.0.0.1:${client.healthPort}/readyz`);
    return { status: response.status, ...((await response.json()) as ReturnType<typeof client.readiness>) };
  };
  return { client, reports, until, readyz };
}

/** Its page once nothing is said any more: the release agent comes by a connection of its own, and tries again by itself. */
async function withoutComplaint(readyz: Awaited<ReturnType<typeof run>>['readyz']) {
  for (;;) {
    const page = await readyz();
    if (page.why.length === 0) return page;
  }
}

/** Enrols, and is away from then on while the coordinator's clock goes on to the real time. */
async function enrolAndLeave(world: World) {
  const clock = new ShiftedTimers(world.timers.byMs);
  const first = await run(world, clock);
  await world.federation.until(({ clusters }) => clusters.has(north));
  await first.client.close();
  world.timers.byMs = 0;
}

async function finishRound({ federation }: World) {
  const round = await federation.openRound();
  await federation.until(({ tracks }) => {
    return tracks.get(track)?.rounds.get(round as never)?.phase.kind === 'candidate';
  });
}

const eventsOf = async ({ federation }: World, kind: string) =>
  (await federation.audit()).filter(({ event }) => event.kind === kind);

it('a newcomer that is not let in says why on /readyz, and of a certificate outside its time that it is our clock that says so', async () => {
  const world = await start(-2 * dayMs); // The coordinator's clock is ahead: its certificate begins tomorrow.
  const { readyz, client } = await run(world, new ShiftedTimers(0));
  while (!client.readiness().why.some((text) => text.includes('GRPC_UNAVAILABLE'))) await readyz();
  const { status, why, checks } = await readyz();
  expect({ status, checks }).toMatchObject({ status: 503, checks: { enrolled: false, certificate: 'none' } });
  expect(why).toEqual([
    expect.stringMatching(/^not enrolled: GRPC_UNAVAILABLE: .*certificate is not yet valid: .*this machine's clock/),
  ]);
}, 600_000);

it('a member that is not connected says why on /readyz, is ready all the same, and says it no more once it is heard', async () => {
  const world = await start(0);
  const way = await startTcpProxy(() => Number(world.federation.coordinator.addresses.federation.split(':')[1]));
  onTestFinished(() => way.close());
  const clock = new ShiftedTimers(0);
  const { readyz, client, until } = await run(world, clock, `127.0.0.1:${way.port}`);
  await until('connected');
  await withoutComplaint(readyz);
  way.cut();
  await until('disconnected');
  clock.byMs += 120_000; // What was heard last is too long ago to count.
  const { status, checks, why } = await readyz();
  expect({ status, checks }).toMatchObject({ status: 200, checks: { connected: false, certificate: 'in force' } });
  expect(why).toContainEqual(expect.stringMatching(/^not connected: GRPC_[A-Z_]+: /));
  way.mend();
  while (!client.readiness().checks.connected) await readyz();
  await withoutComplaint(readyz);
}, 600_000);

it('a clock that is set back by more than is believed, under an open connection, is on /readyz and in the metric until it is right', async () => {
  const world = await start(0);
  const clock = new ShiftedTimers(0);
  const { readyz, client, until } = await run(world, clock);
  await until('connected');
  await withoutComplaint(readyz);
  clock.byMs = -40 * dayMs;
  expect((await until('directiveRefused')).fault.code).toBe('HEARTBEAT_INVALID');
  expect(await readyz()).toMatchObject({
    status: 200,
    why: [expect.stringMatching(/^this machine's clock is (40 d|39 d 23 h) behind the coordinator's/)],
  });
  const aheadSeconds = async () => {
    const page = await (await fetch(`http://127.0.0.1:${client.healthPort}/metrics`)).text();
    return Number(/^testudo_client_clock_ahead_seconds (\S+)$/m.exec(page)?.[1]);
  };
  expect(Math.abs((await aheadSeconds()) * 1_000 + 40 * dayMs)).toBeLessThan(hourMs);
  clock.byMs = 0;
  await withoutComplaint(readyz);
  expect(Math.abs(await aheadSeconds())).toBeLessThan(60);
}, 600_000);

describe('a client that was away for longer than its certificate lives', () => {
  it('comes back by its signing key, without a token, and takes part in a round', async () => {
    const world = await start(25 * hourMs);
    await enrolAndLeave(world);
    await rm(join(world.folder, 'token'));
    const { until, reports, readyz } = await run(world, new ShiftedTimers(0));
    const ended = await until('certificateEnded');
    expect(ended.fault).toMatchObject({ code: 'CERTIFICATE_ENDED' });
    expect(ended.fault.message).toMatch(/ended \d{4}-.*new join token/);
    expect(await until('cameBack')).toMatchObject({ by: 'signingKey' });
    await until('connected');
    await finishRound(world);
    expect(reports.filter(({ kind }) => kind === 'certificateEnded')).toHaveLength(1);
    expect(await eventsOf(world, 'clusterRejoined')).toHaveLength(1);
    expect(await withoutComplaint(readyz)).toMatchObject({ status: 200, checks: { certificate: 'in force' } });
  });

  it('comes back with a clock that is days behind or ahead, and says which clock it is', async () => {
    for (const byDays of [-3, 3]) {
      const world = await start(25 * hourMs);
      await enrolAndLeave(world);
      const { until } = await run(world, new ShiftedTimers(byDays * dayMs));
      expect(await until('cameBack')).toMatchObject({ by: 'signingKey' });
      const { aheadMs, matters } = await until('clockDiffers');
      expect(matters).toBe(true);
      expect(Math.abs(aheadMs - byDays * dayMs)).toBeLessThan(60_000);
      await until('connected');
    }
  });

  it('comes back where its certificate has not begun, since the clock of the coordinator was ahead and was set right', async () => {
    const world = await start(0);
    const first = await run(world, new ShiftedTimers(0));
    await first.until('connected');
    world.timers.byMs = 9 * dayMs; // What it gets now begins in nine days.
    await first.client.close();
    const ahead = await run(world, new ShiftedTimers(0));
    expect(await ahead.until('cameBack')).toMatchObject({ by: 'signingKey' });
    await ahead.client.close();
    world.timers.byMs = 0;
    const { until, readyz } = await run(world, new ShiftedTimers(0));
    expect(await until('cameBack')).toMatchObject({ by: 'signingKey' });
    await until('connected');
    await finishRound(world);
    expect(await withoutComplaint(readyz)).toMatchObject({ status: 200, checks: { certificate: 'in force' } });
  });

  it('stays out beyond the grace, says why it is not ready, and comes in by a new token without a restart', async () => {
    const world = await start(80 * hourMs, ['certificates.rejoinGraceDays=1']);
    await enrolAndLeave(world);
    const { until, readyz, client } = await run(world, new ShiftedTimers(0));
    expect((await until('comingBackFailed')).fault.code).toBe('REJOIN_TOO_LATE');
    const state = await readyz();
    expect(state).toMatchObject({ status: 503, ready: false, checks: { enrolled: true, certificate: 'ended' } });
    expect(state.why.map((text) => text.split(':')[0])).toEqual(['CERTIFICATE_ENDED', 'REJOIN_TOO_LATE']);
    const before = client.uplink?.certificate.expiresAtMs;
    await world.giveToken('north');
    expect(await until('cameBack')).toMatchObject({ by: 'token' });
    await until('connected');
    expect(client.uplink?.certificate.expiresAtMs).toBeGreaterThan(before ?? 0);
    await finishRound(world);
  });

  it('stays out when it is revoked, until an admin gives it a new token', async () => {
    const world = await start(25 * hourMs);
    await enrolAndLeave(world);
    unwrap(await world.federation.coordinator.membership.revokeCluster(operator, north, 'test'));
    const out = await run(world, new ShiftedTimers(0));
    expect((await out.until('comingBackFailed')).fault.code).toBe('CLUSTER_REVOKED');
    await out.client.close();
    expect(out.reports.map(({ kind }) => kind)).not.toContain('connected');
    await world.giveToken('north');
    const back = await run(world, new ShiftedTimers(0));
    await back.until('connected');
    await finishRound(world);
  });
});

describe('a new join token beside an identity', () => {
  it('binds the cluster to a new signing key, once, and what the old key signed is dropped', async () => {
    const world = await start(0);
    const first = await run(world, new ShiftedTimers(0));
    await first.until('connected');
    const keyOf = () => world.federation.coordinator.engine.state().clusters.get(north)?.signingKey;
    const before = keyOf();
    await first.client.close();
    await world.giveToken('north');
    const second = await run(world, new ShiftedTimers(0));
    await second.until('connected');
    expect(keyOf()).not.toBe(before);
    await finishRound(world);
    await second.client.close();
    // The same token again is the one that this identity was made with: it is not asked about.
    const third = await run(world, new ShiftedTimers(0));
    await third.until('connected');
    expect(await eventsOf(world, 'clusterEnrolled')).toHaveLength(2);
    expect(await world.federation.refusals()).toEqual([]);
  });

  it('does no harm where it is worth nothing: the identity goes on', async () => {
    const world = await start(0);
    const first = await run(world, new ShiftedTimers(0));
    await first.until('connected');
    await first.client.close();
    await writeFile(join(world.folder, 'token'), await world.federation.token('north', -1));
    const second = await run(world, new ShiftedTimers(0));
    await second.until('connected');
    expect(await world.federation.refusals()).toEqual(['TOKEN_EXPIRED']);
  });
});
