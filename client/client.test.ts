import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { type LoopbackFederation, startLoopbackFederation } from '../lab/testing/loopback-federation.ts';
import { digestOf } from '../proto/digest.ts';
import { openFileSync } from '../proto/envelope/files/sealed-file.ts';
import { headerFromWire } from '../proto/envelope/wire.ts';
import { parseTrackId } from '../proto/ids.ts';
import { bytesOfValues } from '../proto/layout.ts';
import type { ModelSpec } from '../proto/model-spec.ts';
import { type ClientHooks, type RunningClient, startClient } from './client.ts';
import { parseClientConfig } from './config.ts';
import type { UplinkReport } from './rounds/ports.ts';

const track = parseTrackId('syscall');
const spec: ModelSpec = { architecture: 'histogram/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [400] }] };
const baseBytes = Buffer.from(bytesOfValues(new Float32Array(400)));
const histogram = fileURLToPath(new URL('./learning/testing/histogram', import.meta.url));

let folder: string;
let federation: LoopbackFederation;
const clients: RunningClient[] = [];
const silent = pino({ level: 'silent' });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-client-'));
  federation = await startLoopbackFederation();
  federation.coordinator.models.set(digestOf(baseBytes), baseBytes);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  federation.coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A configuration for one client whose only source is a small trace file. */
async function configure(over: Record<string, unknown> = {}) {
  const lines = Array.from({ length: 30 }, (_, at) => `train\tc01\tnginx\tnormal\tnginx.${at}\t0 1 3 ${at} 257`);
  lines.push('attack\tc01\tnginx\treverse_shell\ta.1\t59 59 59 59');
  const traces = join(folder, 'traces.tsv.gz');
  await writeFile(traces, gzipSync(`${lines.join('\n')}\n`));
  const token = join(folder, 'token');
  await writeFile(token, federation.newToken('north'));
  const { enrolPort, memberPort } = federation.coordinator;
  return unwrap(
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
          tracks: [{ id: 'syscall', folder: histogram }],
          sources: [{ kind: 'traceFile', path: traces }],
          health: { listen: '127.0.0.1:0' },
          ...over,
        }),
      },
    }),
  );
}

async function start(config: Awaited<ReturnType<typeof configure>>, hooks: ClientHooks = {}) {
  const seen: UplinkReport[] = [];
  const waiting: { kind: string; resolve: (report: UplinkReport) => void }[] = [];
  const client = unwrap(
    await startClient(config, {
      log: silent,
      onReport: (report) => {
        seen.push(report);
        for (const { kind, resolve } of waiting) if (report.kind === kind) resolve(report);
      },
      ...hooks,
    }),
  );
  clients.push(client);
  const until = (kind: UplinkReport['kind']) => {
    const found = seen.find((report) => report.kind === kind);
    return found === undefined
      ? new Promise<UplinkReport>((resolve) => waiting.push({ kind, resolve }))
      : Promise.resolve(found);
  };
  return { client, until };
}

function invitation(over: { noiseMultiplier?: number; clipNorm?: number } = {}) {
  return federation.invitation({ track, spec, baseBytes, round: 'r-1', plan: { epochs: 2, batchSize: 10, ...over } });
}

async function acceptedDelta(): Promise<Float32Array> {
  const accepted = federation.coordinator.accepted.get('r-1');
  if (accepted === undefined) throw new Error('r-1 was not accepted');
  const sealedPath = join(folder, 'sealed');
  const plainPath = join(folder, 'plain');
  await writeFile(sealedPath, accepted.sealed);
  const context = unwrap(headerFromWire(accepted.header));
  unwrap(openFileSync({ sealedPath, plainPath, context, round: federation.roundKeys }));
  return new Float32Array((await readFile(plainPath)).buffer.slice(0));
}

async function get(port: number | undefined, path: string) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

describe('client', () => {
  it('enrols, learns from its trace file, takes part in a round and says so in its metrics', async () => {
    const { client, until } = await start(await configure());
    await until('connected');
    federation.coordinator.invite(invitation());
    await until('receipted');
    const delta = await acceptedDelta();
    expect(delta.some((value) => value > 0)).toBe(true);
    // 30 different traces to learn from; the attack trace of the same file is left out.
    expect(federation.coordinator.accepted.get('r-1')?.header.exampleCount).toBe(30n);
    expect(JSON.parse((await get(client.healthPort, '/readyz')).text)).toEqual({
      ready: true,
      checks: { enrolled: true, certificate: 'in force', sources: true, connected: true, releases: true, examples: 30 },
      why: [],
      degraded: [],
    });
    expect((await get(client.healthPort, '/healthz')).status).toBe(200);
    const metrics = (await get(client.healthPort, '/metrics')).text;
    expect(metrics).toContain('testudo_client_receipts_total{track="syscall"} 1');
    expect(metrics).toContain('testudo_client_buffer_examples{track="syscall",part="recent"} 30');
    expect((await get(client.healthPort, '/etc/passwd')).status).toBe(404);
  });

  it('comes back after a restart as the same member, without a token', async () => {
    const config = await configure();
    const first = await start(config);
    await first.until('connected');
    await first.client.close();
    await rm(join(folder, 'token'));
    const second = await start(config);
    await second.until('connected');
    expect(federation.coordinator.calls.filter((call) => call === 'enrol').length).toBe(1);
  });

  it('leaves neither keys nor calls readable in its data folder', async () => {
    const { client, until } = await start(await configure());
    await until('connected');
    federation.coordinator.invite(invitation());
    await until('receipted');
    await client.close();
    for (const name of await readdir(join(folder, 'data'), { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      const text = await readFile(join(name.parentPath, name.name), 'latin1');
      expect(text).not.toContain('PRIVATE KEY');
      expect(text).not.toContain('nginx');
    }
  });

  it('hands every delta to the hook that a demonstration of hostile clusters uses', async () => {
    const { until } = await start(await configure(), { transformDelta: (delta) => delta.map((value) => value * -5) });
    await until('connected');
    federation.coordinator.invite(invitation());
    await until('receipted');
    expect((await acceptedDelta()).some((value) => value < 0)).toBe(true);
  });

  it('refuses a round whose plan has too little noise for its privacy settings, and says which', async () => {
    const { until } = await start(await configure({ privacy: { noiseMultiplierMin: 1 } }));
    await until('connected');
    federation.coordinator.invite(invitation());
    expect(await until('refused')).toMatchObject({ verdict: 'giveUp', fault: { code: 'PRIVACY_NOISE_TOO_LOW' } });
    expect(federation.coordinator.accepted.size).toBe(0);
  });

  it('counts what privacy a round cost, over restarts, and stops at the budget', async () => {
    const config = await configure({ privacy: { epsilonMax: 6, delta: 1e-5 } });
    const first = await start(config);
    await first.until('connected');
    federation.coordinator.invite(invitation({ clipNorm: 1, noiseMultiplier: 1 }));
    await first.until('receipted');
    await first.client.close();
    federation.coordinator.invitations.clear();
    const second = await start(config);
    await second.until('connected');
    federation.coordinator.send({ $case: 'closed', value: { track, round: 'r-1', outcome: 2, nextRound: '' } });
    federation.coordinator.invite({ ...invitation({ clipNorm: 1, noiseMultiplier: 1 }), round: 'r-2' });
    expect(await second.until('refused')).toMatchObject({ fault: { code: 'PRIVACY_BUDGET_SPENT' } });
  });

  it('does not share its data folder', async () => {
    const config = await configure();
    await start(config);
    expect(await startClient(config, { log: silent })).toMatchObject({ fault: { code: 'FOLDER_IN_USE' } });
  });

  it('ends with the cause when it cannot become a member', async () => {
    const config = await configure();
    await writeFile(join(folder, 'token'), `testudo1.t.${randomBytes(20).toString('hex')}.${'0'.repeat(64)}`);
    const { client } = await start(config);
    expect(await client.done).toMatchObject({ code: 'AUTHORITY_NOT_PRESENTED' });
    expect((await get(client.healthPort, '/readyz')).status).toBe(503);
  });
});

describe('client configuration', () => {
  it('reports every problem together', () => {
    const parsed = parseClientConfig({
      file: {
        path: '/etc/testudo/client.yaml',
        text: 'coordinator: { addresses: ["nowhere"] }\nspeed: 9\nsources: [{ kind: telepathy }]\n',
      },
      settings: ['training.coresMax=0', 'nonsense'],
    });
    expect(parsed.ok).toBe(false);
    const message = parsed.ok ? '' : parsed.fault.message;
    for (const part of ['dataDirectory', 'addresses', 'speed', 'sources', 'coresMax', '--set nonsense']) {
      expect(message).toContain(part);
    }
  });

  it('lets --set win over the environment and that over the file', () => {
    const parsed = parseClientConfig({
      file: {
        path: '/etc/testudo/client.yaml',
        text: 'dataDirectory: here\ncoordinator: { addresses: ["a:1"] }\nlog: { level: debug }\n',
      },
      environment: { TESTUDO_CLIENT_LOG_LEVEL: 'warn', TESTUDO_CLIENT_DATA_DIRECTORY: '/elsewhere' },
      settings: ['log.level=error'],
    });
    expect(unwrap(parsed)).toMatchObject({ dataDirectory: '/elsewhere', log: { level: 'error' } });
  });

  it('works without a file, from settings alone', async () => {
    const folderHere = join(folder, 'alone');
    await mkdir(folderHere);
    const parsed = parseClientConfig({
      settings: [`dataDirectory=${folderHere}`, 'coordinator.addresses=["127.0.0.1:1"]'],
    });
    expect(parsed.ok).toBe(true);
  });
});
