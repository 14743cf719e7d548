import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { pause } from '../base/pause.ts';
import { systemTimers } from '../base/system-timers.ts';
import { HeardLog } from '../base/testing/heard-log.ts';
import { type RunningClient, startClient } from '../client/client.ts';
import { parseClientConfig } from '../client/config.ts';
import type { Alert } from '../client/scoring/alert.ts';
import { evidenceSpec } from '../client/tracks/api/memory/evidence-table.ts';
import { csvOf, learnS, normalTraffic } from '../client/tracks/api/testing/small-shop.ts';
import { parseTrackPolicy } from '../coordinator/config/policy.ts';
import { createTrack } from '../coordinator/ledger/track-changes.ts';
import { operator, TestFederation } from '../coordinator/testing/federation.ts';
import { parseClusterId, parseDigest, parseTrackId } from '../proto/ids.ts';
import { bytesOfValues, layoutOf, valuesOfBytes } from '../proto/layout.ts';

const api = parseTrackId('api');
const spec = evidenceSpec(2 ** 14);

let folder: string;
const clients: RunningClient[] = [];
/** What the clients log, each line with its `cluster`. */
let heard: HeardLog;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-api-live-'));
  heard = new HeardLog();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await rm(folder, { recursive: true, force: true });
});

async function startCluster(federation: TestFederation, name: string, share = {}) {
  await writeFile(join(folder, `${name}.token`), await federation.token(name));
  await writeFile(join(folder, `${name}.log`), '');
  const { addresses } = federation.coordinator;
  const config = {
    dataDirectory: `${name}-data`,
    coordinator: { addresses: [addresses.federation], enrolAddress: addresses.enrolment, reconnectSecondsMax: 0.2 },
    joinToken: { file: `${name}.token` },
    tracks: ['api'],
    sources: [
      { kind: 'flowRecording', path: 'requests.csv', part: 'small/train' },
      { kind: 'meshAccessLog', path: `${name}.log`, namespace: 'shop', workload: 'gateway' },
    ],
    scoring: { warmUp: 10, alertRate: 0.005 },
    training: { coresMax: 8, rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
    health: { listen: null },
    share,
    alerts: { sinks: [{ kind: 'ocsf', name: 'lake', file: `${name}-findings.jsonl` }] },
  };
  const file = { path: join(folder, `${name}.yaml`), text: JSON.stringify(config) };
  const client = unwrap(
    await startClient(unwrap(parseClientConfig({ file })), { log: heard.log({ fields: { cluster: name } }) }),
  );
  clients.push(client);
  return client;
}

/** A line as a gateway writes it that checks tokens. */
function line(seconds: number, user: number, path: string): string {
  const caller = { downstream_service: '-', upstream_service: 'gateway', auth: 'bearer', issuer: 'idp' };
  const who = { subject: `user${user}`, source: `address${user}`, source_net: `net${user % 12}` };
  const start = new Date(Date.UTC(2026, 10, 2) + (learnS + seconds) * 1_000).toISOString();
  const answer = { response_code: 200, bytes_received: 0, bytes_sent: 900, duration: 5 };
  return `${JSON.stringify({ start_time: start, method: 'GET', path, ...answer, ...caller, ...who })}\n`;
}

it('the api track goes through a round, judges a gateway’s log as it is written, and says why it raised an alert', async () => {
  const federation = await TestFederation.start();
  const { engine } = federation.coordinator;
  const untilMapOf = async (cluster: string) => {
    for (;;) {
      const map = engine.maps.of(parseClusterId(cluster));
      if (map !== undefined) return map;
      await pause(systemTimers, 20, new AbortController().signal);
    }
  };
  const policy = unwrap(
    parseTrackPolicy(`
aggregation: { f: 0, before: [], rule: { kind: mean } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 2 }, collectForMs: 100000 }
training: { epochs: 1, stepsMax: 1, batchSize: 1024, learningRate: 1 }
`),
  );
  const modelDigest = unwrap(await engine.blobs.put(bytesOfValues(new Float32Array(layoutOf(spec).length))));
  unwrap(await createTrack(engine, operator, { track: api, spec, policy, modelDigest, reason: 'test' }));
  await writeFile(join(folder, 'requests.csv'), csvOf(normalTraffic()));
  const north = await startCluster(federation, 'north', { map: true });
  await startCluster(federation, 'south');
  await heard.until(() => heard.saying('connected to a coordinator')[1]);
  unwrap(await engine.openRound(operator, { track: api, reason: 'test' }));
  await federation.until((state) => state.tracks.get(api)?.models.length === 2);
  const [, learnt] = engine.state().tracks.get(api)?.models ?? [];
  const weights = unwrap(
    valuesOfBytes(layoutOf(spec), unwrap(await engine.blobs.get(parseDigest(learnt?.digest ?? '')))),
  );
  // Both saw the same: the mean has the length that each cluster's evidence has.
  expect(Math.hypot(...weights)).toBeCloseTo(4, 3);
  expect(north.tracks.get(api)?.buffer.counts().seen).toBeGreaterThan(1_000);

  // Only the cluster that agreed to it has told its map, and no value of any request is in it.
  const shared = await untilMapOf('north');
  expect(shared.edges).toContainEqual({
    from: 'gateway',
    to: 'orders',
    requests: expect.any(Number),
    isNew: expect.any(Boolean),
  });
  expect(shared.templates.some(({ service, template }) => service === 'orders' && template.includes('{}'))).toBe(true);
  expect(JSON.stringify(shared)).not.toMatch(/user\d|address\d/);
  expect(engine.maps.of(parseClusterId('south'))).toBeUndefined();

  await heard.said('model scores now', ({ cluster }) => cluster === 'north');
  const usual = Array.from({ length: 12 }, (_, n) => line(60 * n, n, `/api/orders/${1_000 + 10 * n}`));
  await appendFile(join(folder, 'north.log'), usual.join(''));
  await appendFile(join(folder, 'north.log'), line(1_000, 3, "/api/catalogue/search?q='%20OR%20'1'%3D'1&page=1"));
  await heard.said('alert', ({ cluster }) => cluster === 'north');
  const alerts = (await readFile(join(folder, 'north-data', 'alerts.jsonl'), 'utf8')).trimEnd().split('\n');
  const alert = JSON.parse(alerts.at(-1) as string) as Alert;
  expect(alert).toMatchObject({
    track: api,
    subject: { namespace: 'shop', workload: 'gateway' },
    detail: { finding: 'injection', calls: ['- → gateway: GET /api/catalogue/search 200'] },
  });
  expect(alert.text).toContain('the value of "q" of GET /api/catalogue/search of gateway looks like "\' A \'9\'=\'9"');
  expect(JSON.stringify(alert)).not.toContain('address3');

  const northId = parseClusterId('north');
  const told = () => engine.alerts.of(northId, Date.now()).filter(({ family }) => family === 'injection');
  // Told within a second, on another connection than anything here hears of.
  await expect.poll(told, { timeout: 600_000 }).toMatchObject([{ track: api, count: 1 }]);
  expect(JSON.stringify(told())).not.toMatch(/gateway|catalogue/);

  const findings = join(folder, 'north-findings.jsonl');
  const lines = () => (existsSync(findings) ? readFileSync(findings, 'utf8') : '');
  await expect.poll(lines, { timeout: 600_000 }).toContain(alert.id);
  const finding = lines()
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(finding.find(({ metadata }) => metadata.uid === alert.id)).toMatchObject({
    class_uid: 2004,
    finding_info: { types: ['injection'] },
    unmapped: { federation: 'herd', cluster: 'north', track: api },
  });
});
