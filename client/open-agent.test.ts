import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import {
  type LoopbackFederation,
  loopbackFederationId,
  startLoopbackFederation,
} from '../lab/testing/loopback-federation.ts';
import { digestOf } from '../proto/digest.ts';
import { parseTrackId } from '../proto/ids.ts';
import { bytesOfValues } from '../proto/layout.ts';
import { type RunningClient, startClient } from './client.ts';
import { parseClientConfig } from './config.ts';
import type { AgentEvent } from './releases/agent-ports.ts';
import { ReleasePress } from './releases/testing/release-press.ts';
import { TestReleases } from './releases/testing/releases-server.ts';
import { gramTableSpec, initialGramTable } from './tracks/syscall/gram-table/gram-table.ts';
import { WorkloadClasses } from './tracks/syscall/traces/workload-classes.ts';

const track = parseTrackId('syscall');
const spec = gramTableSpec(new WorkloadClasses(['nginx']), 2 ** 12);

let folder: string;
let federation: LoopbackFederation;
let server: TestReleases;
let press: ReleasePress;
let client: RunningClient;
let events: AgentEvent[];
let heard: () => void = () => undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-client-agent-'));
  server = new TestReleases();
  press = new ReleasePress(loopbackFederationId, track);
  server.fileOf = (digest) => press.files.get(digest as never);
  federation = await startLoopbackFederation(() => 3_600_000, server.service());
  const zero = initialGramTable(spec);
  press.release(1, spec, zero);
  press.release(
    2,
    spec,
    zero.map((_, at) => (at % 89 === 0 ? 1 : 0)),
  );
  press.point('stable', 1);
  events = [];
});

afterEach(async () => {
  await client.close();
  federation.coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

async function until<Kind extends AgentEvent['kind']>(
  kind: Kind,
  where: (event: Extract<AgentEvent, { kind: Kind }>) => boolean = () => true,
): Promise<Extract<AgentEvent, { kind: Kind }>> {
  for (;;) {
    const found = events.find(
      (event): event is Extract<AgentEvent, { kind: Kind }> => event.kind === kind && where(event as never),
    );
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
}

/** A thread of a web server: the same loop, as often as its number says. */
function thread(pid: number, calls: readonly string[]): string {
  return `${calls.map((call) => `${pid} ${call}, 0) = 0\n`).join('')}${pid} +++ exited with 0 +++\n`;
}

function normalThread(pid: number): string {
  const loop = ['epoll_wait(8', 'accept4(6', 'recvfrom(3', 'openat(AT_FDCWD, "/srv/x"', 'sendfile(3', 'close(3'];
  return thread(pid, ['set_robust_list(0', ...Array.from({ length: 3 + (pid % 9) }, () => loop).flat()]);
}

async function start(): Promise<void> {
  const { enrolPort, memberPort } = federation.coordinator;
  await writeFile(join(folder, 'token'), federation.newToken('north'));
  await writeFile(
    join(folder, 'attacks.tsv'),
    'attack\tc01\tnginx\tReverse Shell\ta.1\t101 101 101 59 59 41 42 33 33 59\n',
  );
  await writeFile(join(folder, 'strace.log'), '');
  const config = unwrap(
    parseClientConfig({
      file: {
        path: join(folder, 'client.yaml'),
        text: JSON.stringify({
          dataDirectory: 'data',
          coordinator: {
            addresses: [`127.0.0.1:${memberPort}`],
            enrolAddress: `127.0.0.1:${enrolPort}`,
            reconnectSecondsMax: 0.1,
          },
          joinToken: { file: 'token' },
          sources: [{ kind: 'strace', path: 'strace.log', workload: 'nginx', follow: true }],
          scoring: { warmUp: 20, alertRate: 0.01 },
          training: { enabled: false },
          agent: { attackSets: { syscall: 'attacks.tsv' }, shadowReportSeconds: 0.3 },
          health: { listen: '127.0.0.1:0' },
        }),
      },
    }),
  );
  const onAgentEvent = (event: AgentEvent) => {
    events.push(event);
    heard();
  };
  client = unwrap(await startClient(config, { log: pino({ level: 'silent' }), onAgentEvent }));
}

async function observe(from: number, count: number): Promise<void> {
  const text = Array.from({ length: count }, (_, at) => normalThread(from + at)).join('');
  await appendFile(join(folder, 'strace.log'), text);
}

async function scored(): Promise<number> {
  return (await client.metrics.scored.get()).values[0]?.value ?? 0;
}

async function get(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${client.healthPort}${path}`);
  return { status: response.status, text: await response.text() };
}

describe('a client with its agent', () => {
  it('scores with the verified release alone, whatever base a round brings', async () => {
    server.push(press.set());
    await start();
    await until('installed', ({ version }) => version === 1);
    const base = Buffer.from(bytesOfValues(initialGramTable(spec).map(() => 3)));
    federation.coordinator.models.set(digestOf(base), base);
    federation.coordinator.invite(federation.invitation({ track, spec, baseBytes: base, round: 'r-1' }));
    await observe(1_000, 60);
    await expect.poll(scored).toBe(60);
    expect(JSON.parse((await get('/score')).text)).toMatchObject({
      connected: true,
      tracks: { syscall: { live: { version: 1, because: { kind: 'channel', channel: 'stable' } }, shadow: null } },
    });
    expect((await get('/metrics')).text).toContain('testudo_agent_live_version{track="syscall"} 1');
  });

  it('compares a canary release with the live one on live events and known attacks, signed; then swaps', async () => {
    press.point('canary', 2, 'stable');
    press.assignments = [{ track, channel: 'canary', subject: { cluster: 'north' as never } }];
    server.push(press.set());
    await start();
    await until('shadowing', ({ version, live }) => version === 2 && live === 1);
    await observe(1_000, 200);
    // Both began with an empty buffer: once it has filled they are calibrated anew, and the attack stands out.
    const { report } = await until(
      'shadowReported',
      ({ report: { scoredCount, recalls } }) => scoredCount >= 20 && recalls[0]?.liveFoundCount === 1,
    );
    expect(report).toMatchObject({ cluster: 'north', version: 2, liveVersion: 1 });
    expect(report.agreedCount).toBeGreaterThan(0);
    expect(report.agreedCount).toBeLessThanOrEqual(report.scoredCount);
    expect(report.recalls.map(({ attackClass, caseCount }) => ({ attackClass, caseCount }))).toEqual([
      { attackClass: 'reverse-shell', caseCount: 1 },
    ]);
    expect(report.liveLatencyUs).toBeGreaterThan(0);
    await expect.poll(scored).toBe(200);
    press.point('stable', 2);
    server.push(press.set());
    await until('installed', ({ version, before }) => version === 2 && before === 1);
    await observe(3_000, 30);
    await expect.poll(scored).toBe(230);
  });

  it('stays ready and scores when the coordinator is gone, also after a restart', async () => {
    server.push(press.set());
    await start();
    await until('acknowledged');
    await client.close();
    federation.coordinator.stop();
    events = [];
    await start();
    await until('restored', ({ version }) => version === 1);
    await expect.poll(async () => (await get('/readyz')).status).toBe(200);
    expect(JSON.parse((await get('/readyz')).text)).toMatchObject({ checks: { enrolled: true, connected: false } });
    await observe(1_000, 30);
    await expect.poll(scored).toBe(30);
    expect(await readFile(join(folder, 'data/agent/state.json'), 'utf8')).toContain('testudo/release-trust/1');
  });
});
