import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { startCoordinator } from '../../coordinator/coordinator.ts';
import { TestAgent } from '../../coordinator/testing/agent.ts';
import { settle } from '../../coordinator/testing/cluster.ts';
import { environment, track } from '../../coordinator/testing/federation.ts';
import { CommandLine } from '../testing/command-line.ts';
import { statusShape } from './status-shape.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
schedule: { cron: "0 3 * * *" }
`;

async function seen(line: CommandLine, ...more: readonly string[]) {
  const { code, out, error } = await line.run('status', '--json', ...more);
  return { code, error, status: statusShape.parse(JSON.parse(out)) };
}

describe('testudo status', { timeout: 600_000 }, () => {
  it("says by how much this machine's clock is off the coordinator's", async () => {
    const timers = new ShiftedTimers(-3 * 86_400_000);
    const line = await CommandLine.start({ policy, timers });
    expect((await line.run('status')).error).toContain(
      "warning: this machine's clock is 3 d ahead of the coordinator's: set the one that is wrong; times such as --until 36h",
    );
    timers.byMs = 0;
    expect((await line.run('status')).error).not.toContain('clock');
  });

  it('shows one look at everything, and ends with 4 while something critical wants attention', async () => {
    const line = await CommandLine.start({ policy });
    const { federation } = line;
    const members = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
    const [a] = members as [(typeof members)[number]];
    await a.watch([track]);

    const sensors = { count: 12, sampled: 2, dangerous: 0, behind: 1, blind: 0 };
    unwrap(await settle((done) => a.client.tellAlerts({ counts: [], sensors }, done)));
    const alone = await seen(line);
    expect(alone.status.clusters.map((row) => row.sensors)).toEqual([sensors, null, null]);
    expect((await line.run('status')).out).toMatch(/^a .* 12 \(2 sampled, 1 behind\) +syscall /m);
    expect(alone.code).toBe(4);
    expect(alone.status.coordinator).toMatchObject({ federation: 'herd', enrolledCount: 3, connectedCount: 1 });
    expect(alone.status.coordinator).toMatchObject({ queue: 'embedded', workerCount: null });
    expect(alone.status.attention[0]).toMatchObject({
      severity: 'critical',
      code: 'TOO_FEW_CLUSTERS',
      track: 'syscall',
    });
    const away = alone.status.attention.filter(({ code }) => code === 'CLUSTER_AWAY').map(({ cluster }) => cluster);
    expect(away).toEqual(['b', 'c']);
    const metrics = await (await fetch(`http://${federation.coordinator.addresses.health}/metrics`)).text();
    expect(metrics).toMatch(/^testudo_clusters_connected 1$/m);
    expect(metrics).toMatch(/^testudo_clusters_enrolled 3$/m);
    expect(metrics).toMatch(/^testudo_rounds_open 0$/m);
    expect(metrics).not.toMatch(/^testudo_workers \d/m);

    for (const member of members.slice(1)) await member.watch([track]);
    const agent = new TestAgent(a, federation.coordinator);
    onTestFinished(() => agent.close());
    agent.subscribe([track]);
    await agent.until(() => true);
    const [release] = federation.coordinator.registry.releases(track) ?? [];
    const manifestDigest = release?.manifestDigest as never;
    unwrap(await agent.acknowledge({ track, version: 0, manifestDigest }));
    await federation.openRound();
    for (const member of members) await member.invitationTo('r-1');
    const [, b] = members as [(typeof members)[number], (typeof members)[number]];
    unwrap(await b.submit(new Float32Array(1000).fill(0.01)));
    const during = await seen(line);
    expect(during.code, during.error).toBe(0);
    expect(during.status.tracks[0]).toMatchObject({
      openRound: 'r-1',
      acceptedCount: 1,
      quorumCount: 3,
      eligibleCount: 3,
    });
    expect(Date.parse(during.status.tracks[0]?.nextRoundAt ?? '')).toBeGreaterThan(Date.now());
    const delivered = during.status.clusters.map(({ cluster, tracks: [row] }) => [
      cluster,
      row?.lastDeliveryAt !== null,
    ]);
    expect(delivered).toEqual([
      ['a', false],
      ['b', true],
      ['c', false],
    ]);
    expect(during.status.clusters.map(({ tracks: [row] }) => [row?.live, row?.wanted, row?.because])).toEqual([
      [0, 0, 'channel stable'],
      [null, 0, 'channel stable'],
      [null, 0, 'channel stable'],
    ]);
    const strict = await line.run('status', '--strict');
    expect(strict.code).toBe(0);
    expect(strict.out).toMatch(/^herd: 3 of 3 clusters connected, .* free, no Redis, journal \d+/);
    expect(strict.out).toMatch(/^syscall +0 +0 +0 +0 .* r-1 \(1 of 3 needed, until /m);

    expect((await line.run('clusters', 'quarantine', 'b', '--reason', 'odd')).code).toBe(0);
    const odd = await seen(line, '--strict');
    expect(odd.code).toBe(4);
    expect(odd.status.attention.map(({ code, cluster }) => [code, cluster])).toContainEqual([
      'CLUSTER_QUARANTINED',
      'b',
    ]);
    expect(odd.status.clusters.map(({ quarantined }) => quarantined)).toEqual([false, true, false]);
  });

  it('looks again and again with --watch, also after the coordinator was away', async () => {
    const line = await CommandLine.start();
    const { federation } = line;
    const words = line.addressed(['status', '--watch', '0.1', '--json']);
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...words]);
    onTestFinished(() => void child.kill());
    const looks = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const clusters = async () => statusShape.parse(JSON.parse((await looks.next()).value)).clusters.length;
    expect(await clusters()).toBe(0);
    await federation.enrol('a');
    while ((await clusters()) === 0);

    const said = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    const { config } = federation;
    const { federation: address } = federation.coordinator.addresses;
    await federation.coordinator.close();
    expect((await said.next()).value).toMatch(/^GRPC_UNAVAILABLE: .*; looking on$/);
    const settings = { ...config, listen: { ...config.listen, federation: address } };
    const again = unwrap(await startCoordinator(settings, { environment, log: makeLog('silent') }));
    onTestFinished(() => again.close());
    while ((await clusters()) !== 1); // What it had printed before it was away is still to be read.
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
  });

  it('prints the schema of what it prints for programs', async () => {
    const line = await CommandLine.start();
    const { code, out } = await line.run('status', '--schema');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(statusShape))));
  });
});
