import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { pause } from '../base/pause.ts';
import { systemTimers } from '../base/system-timers.ts';
import { canMount, fillDisk, mountSmallDisk } from '../base/testing/small-disk.ts';
import type { Timers } from '../base/time.ts';
import { hostileCalls, normalCalls } from '../lab/testing/node-calls.ts';
import { NodeRig, track } from '../lab/testing/node-rig.ts';
import { parseTrackId } from '../proto/ids.ts';
import type { LocalTrack } from './learning/local-track.ts';
import { startSensor } from './sensor.ts';
import { parseSensorConfig } from './sensor-config.ts';
import type { NamedSlice } from './tracks/flow/graph/slice.ts';

let rig: NodeRig;

beforeEach(async () => {
  rig = await NodeRig.open(fileURLToPath(new URL('../cli/testudo.ts', import.meta.url)));
});
afterEach(async () => {
  await rig.close();
});

/** More of the same than a threshold needs. */
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));

const runs = (node: string, version: number) => (line: Readonly<Record<string, unknown>>) =>
  line.node === node && line.version === version && line.outcome === 'installed';

/** Has the process write down what its threads load, and returns where. */
async function recordLoads(): Promise<{ env: Record<string, string>; loads: string }> {
  const [hook, loads] = [join(rig.folder, 'hook.mjs'), join(rig.folder, 'loads.txt')];
  await writeFile(
    hook,
    `import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(loads)}, url + '\\n'); return next(url, context); } });
`,
  );
  return { env: { NODE_OPTIONS: `--import ${hook}` }, loads };
}

const never = new AbortController().signal;

/** A flow from web to a database, as Cilium's exporter writes it. */
function hubbleLine(database: string, atMs: number): string {
  const time = new Date(atMs).toISOString();
  const flow = {
    time,
    uuid: database,
    verdict: 'FORWARDED',
    IP: { source: '10.0.0.1', destination: '10.0.0.2', ipVersion: 'IPv4' },
    l4: { TCP: { source_port: 41_000, destination_port: 5_432, flags: { SYN: true } } },
    source: { identity: 2_001, namespace: 'shop', pod_name: 'web-0', workloads: [{ name: 'web', kind: 'Deployment' }] },
    destination: { identity: 2_002, namespace: 'shop', workloads: [{ name: database, kind: 'StatefulSet' }] },
    Type: 'L3_L4',
    node_name: 'node-a',
    is_reply: false,
    traffic_direction: 'EGRESS',
  };
  return JSON.stringify({ flow, node_name: 'node-a', time });
}

describe('testudo sensor', () => {
  it('verifies and runs the release that its hub relays, tells each content once, and raises an alert there', async () => {
    const client = await rig.startClient();
    await rig.heard.said('release fetched and verified');
    const { env, loads } = await recordLoads();
    const sensor = await rig.startSensor('node-a', {}, env);
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 1));

    await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
    const { alert, threshold } = await rig.heard.said('alert');
    const [told] = await rig.alerts();
    expect(told).toMatchObject({ id: alert, modelVersion: 1, subject: { pod: 'web-0', workloadClass: 'nginx' } });
    expect(told?.score).toBeGreaterThan(Number(threshold));
    expect(told?.detail).toMatchObject({ sensor: 'node-a' });

    await rig.release(2);
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 2));

    const loaded = await readFile(loads, 'utf8');
    expect(loaded).toContain('client/sensor.ts');
    expect(loaded).not.toMatch(/tensorflow|tfjs/);
    expect(await readFile(`/proc/${sensor.pid}/maps`, 'utf8')).not.toMatch(/tensorflow|tfjs|onnxruntime/i);

    await sensor.stop();
    const { seen = 0, repeated = 0 } = client.tracks.get(track)?.buffer.counts() ?? {};
    expect(seen).toBe(new Set(usual.map((calls) => calls.join())).size);
    expect(seen + repeated).toBe(2 * usual.length);
  });

  it('loses no alert and raises none twice when it is killed while its hub is away, and scores without it', async () => {
    const client = await rig.startClient();
    await rig.heard.said('release fetched and verified');
    const first = await rig.startSensor('node-a');
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 1));
    await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
    await rig.heard.said('alert');

    await client.close();
    await rig.happens('node-a', [hostileCalls]);
    await rig.sensorSaid('node-a', 'alert', 2);
    first.kill();
    await first.exited;
    // No hub: the release of the last run scores. Its own threshold needs its warm-up again.
    await rig.startSensor('node-a');
    await rig.sensorSaid('node-a', 'the release of the last run scores');
    await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
    await rig.sensorSaid('node-a', 'alert', 3);
    expect(await rig.alerts()).toHaveLength(1);

    await rig.startClient();
    await rig.heard.until(() => (rig.heard.lines.filter(({ msg }) => msg === 'alert').length === 3 ? true : undefined));
    const alerts = await rig.alerts();
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(3);
    expect(alerts).toHaveLength(3);

    // A hub that dies with a release under way only delays it.
    await rig.release(2);
    await rig.client?.close();
    await rig.startClient();
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 2));
  });

  it('raises its alerts with the model that it has while its disk is full, and takes the next release once there is room', async (context) => {
    const data = await mkdtemp(join(tmpdir(), 'testudo-disk-'));
    onTestFinished(() => rm(data, { recursive: true })); // After it was unmounted.
    if (!canMount(data)) return context.skip('mounting a tmpfs is not allowed here');
    mountSmallDisk(data, 4_096);
    await rig.startClient();
    await rig.startSensor('node-a', { dataDirectory: data });
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 1));
    await rig.happens('node-a', [...usual, ...usual, hostileCalls]);
    await rig.heard.said('alert');

    const ballast = join(data, 'ballast');
    fillDisk(ballast);
    await rig.release(2);
    await rig.sensorSaid('node-a', 'release refused; the last good model goes on', 1, ({ cause }) =>
      String(cause).includes('ENOSPC'),
    );
    await rig.happens('node-a', [hostileCalls]);
    await rig.sensorSaid('node-a', 'a restart would read this source again');
    await rig.happens('node-a', [hostileCalls]);
    await rig.heard.until(() => (rig.heard.lines.filter(({ msg }) => msg === 'alert').length === 3 ? true : undefined));
    await rm(ballast);
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 2));
    // Each once: the source went on from where it was, though the disk took no cursor.
    expect((await rig.alerts()).map(({ modelVersion }) => modelVersion)).toEqual([1, 1, 1]);
  });

  it('says everywhere which step its budget leaves it, and what it did not look at', async () => {
    const over = { budget: { coresMax: 0.01, rssMiBMax: 100_000, loadMax: null }, health: { listen: '127.0.0.1:0' } };
    const { hub, ...settings } = await rig.settings('node-a', over);
    // Nobody is there.
    const away = { ...(hub as object), address: '127.0.0.1:1', admissionAddress: '127.0.0.1:1' };
    const config = unwrap(
      parseSensorConfig({
        settings: [],
        file: { path: '/sensor.yaml', text: JSON.stringify({ ...settings, hub: away }) },
      }),
    );
    // Twenty of its seconds pass in one: what it costs is what this very process costs, which is more than a hundredth of a core.
    const timers: Timers = { ...systemTimers, every: (ms, run, options) => systemTimers.every(ms / 20, run, options) };
    const sensor = unwrap(await startSensor(config, { log: pino({ level: 'silent' }), timers }));
    try {
      while (sensor.status().step !== 'dangerous') await rig.happens('node-a', usual);
      const before = sensor.status().unseenCalls;
      while (sensor.status().unseenCalls === before) await rig.happens('node-a', usual);
      const page = async (path: string) => (await fetch(`http://127.0.0.1:${sensor.healthPort}${path}`)).text();
      const { why, checks } = JSON.parse(await page('/readyz')) as { why: string[]; checks: Record<string, unknown> };
      expect(checks).toMatchObject({ step: 'dangerous', connected: false });
      expect(Number(checks.unseenCalls)).toBeGreaterThan(0);
      expect(why.join()).toContain('over its budget of cores');
      const metrics = await page('/metrics');
      expect(metrics).toContain('testudo_sensor_step{step="dangerous"} 1');
      expect(metrics).toMatch(/^testudo_sensor_unseen_calls_total [1-9]/m);
    } finally {
      await sensor.close();
    }
  });

  it("brings the flows that a node has seen to the cluster's flow track, by the time at which they were", async () => {
    const tracks = ['syscall', 'flow'].map((name) => ({ id: name, folder: name }));
    const client = await rig.startClient({ tracks });
    const path = join(rig.folder, 'hubble.jsonl');
    // Somebody else in each of twelve minutes that end now: what comes later closes the windows before.
    const lines = Array.from({ length: 12 }, (_, minute) =>
      hubbleLine(`db-${minute}`, Date.now() - (12 - minute) * 60_000),
    );
    await writeFile(path, `${lines.join('\n')}\n`);
    const health = { listen: '127.0.0.1:0' };
    const sensor = await rig.startSensor('node-a', { sources: [{ kind: 'hubbleFile', path }], health });
    const { healthPort } = await rig.sensorSaid('node-a', 'sensor started');
    const read = /^testudo_client_source_items_total\{source="hubbleFile",outcome="flow"\} 12$/m;
    const metrics = async () => (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text();
    while (!read.test(await metrics())) await pause(systemTimers, 50, never);
    await rig.heard.said('batch taken in');
    // It tells what it has counted, and ends.
    await sensor.stop();

    const { buffer } = client.tracks.get(parseTrackId('flow')) as LocalTrack;
    while (buffer.counts().seen === 0) await pause(systemTimers, 50, never);
    const windows = buffer.read(['recent']).examples as readonly NamedSlice[];
    const edges = windows.flatMap(({ names }) => names.edges.map(({ port, count }) => [port, count]));
    expect(edges).toContainEqual([5_432, 1]);
    const workloads = windows.flatMap(({ names }) => names.nodes.map(({ workload }) => workload));
    expect(workloads).toEqual(expect.arrayContaining(['web', 'db-4', 'db-5', 'db-6', 'db-7']));
  });

  it('refuses a release whose files were altered at its hub, says so, and stays with the one it has', async () => {
    const client = await rig.startClient();
    await rig.heard.said('release fetched and verified');
    const first = await rig.startSensor('node-a');
    await rig.heard.said('a sensor spoke of a release', runs('node-a', 1));
    await first.stop();

    await rig.release(2);
    await rig.heard.said('release installed', ({ version }) => version === 2);
    for (const [digest, bytes] of rig.press.files) {
      const path = join(rig.folder, 'client', 'agent', 'files', digest.slice('sha256:'.length));
      const altered = Buffer.from(bytes);
      altered[bytes.length - 3] = (altered[bytes.length - 3] as number) ^ 1;
      await writeFile(path, altered);
    }
    await rig.startSensor('node-a');
    await rig.sensorSaid(
      'node-a',
      'release refused; the last good model goes on',
      1,
      ({ code }) => code === 'FILE_DIGEST',
    );
    const said = () => client.hub?.book.all()[0]?.releases.get(track);
    while (said()?.version !== 2) await pause(systemTimers, 20, never);
    expect(said()).toMatchObject({ version: 2, outcome: 'refused', faultCode: 'FILE_DIGEST' });
  });
});
