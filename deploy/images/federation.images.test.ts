import { readFileSync } from 'node:fs';
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Alert } from '../../client/scoring/alert.ts';
import { hostileCalls, normalCalls } from '../../lab/testing/node-calls.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { type ImageName, imageNames } from './images.ts';
import { sizesOf } from './sizes.ts';
import { imagesForTests } from './testing/built.ts';
import { type Container, ContainerHost } from './testing/container.ts';
import { ContainerNetwork } from './testing/network.ts';

const host = new ContainerHost();
let network: ContainerNetwork;
let built: Awaited<ReturnType<typeof imagesForTests<'coordinator' | 'client' | 'sensor'>>>;
beforeAll(async () => {
  built = await imagesForTests(['coordinator', 'client', 'sensor']);
  network = await ContainerNetwork.create();
}, 1_800_000); // Where nothing is cached it waits for what the other files of images make, too.
afterAll(async () => {
  await host.close();
  await network?.close();
  await built?.close();
});

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(host.lastWords());
});

const sharedToken = 'a-token-that-hub-and-sensors-share-0123456789';
const usual = Array.from({ length: 40 }, (_, salt) => normalCalls(salt));
let processes = 0;
/** Containers that end only when they are told to. */
const lasting: Container[] = [];

/** Processes of nginx make these calls on a node, and end: what its Tetragon exports then. */
async function happens(events: string, made: readonly (readonly string[])[]): Promise<void> {
  const lines = made.flatMap((calls) => {
    processes += 1;
    const pod = { namespace: 'shop', name: 'web-0', workload: 'nginx', pod_labels: { app: 'nginx' } };
    const process = { exec_id: `exec-${processes}`, pid: processes, binary: '/usr/sbin/nginx', pod };
    const time = new Date().toISOString();
    const entered = (name: string) => ({
      process_tracepoint: { process, subsys: 'syscalls', event: `sys_enter_${name}`, args: [] },
      time,
    });
    return [...calls.map(entered), { process_exit: { process }, time }].map((event) => JSON.stringify(event));
  });
  await appendFile(events, `${lines.join('\n')}\n`);
}

async function startCoordinator() {
  const { path, address } = await network.join();
  const image = built.images.coordinator;
  const binds = [{ from: await host.data(), to: '/data' }];
  const once = async (...args: string[]) => {
    const ended = await (await host.start(image, args, { binds })).ended;
    expect(ended, args.join(' ')).toMatchObject({ code: 0 });
  };
  await once('coordinator', 'init', '/data/herd', '--server-name', address);
  await once('model', 'init', '/data/herd/model', '--classes', 'nginx', '--liars', '0');
  const folder = join(binds[0]?.from ?? '', 'herd');
  const config = join(folder, 'coordinator.yaml');
  const track = { id: 'syscall', spec: './model/spec.json', model: './model/model.bin', policy: './model/policy.json' };
  const listen = { enrolment: '0.0.0.0:7441', federation: '0.0.0.0:7442', health: '0.0.0.0:7443' };
  await writeFile(config, stringify({ ...parse(await readFile(config, 'utf8')), listen, tracks: [track] }));
  const policy = {
    aggregation: { f: 0, before: [], rule: { kind: 'mean' } },
    rounds: { goal: { kind: 'share', ofEnrolled: 1 }, quorum: { kind: 'count', updates: 1 }, collectForMs: 300_000 },
  };
  await writeFile(join(folder, 'model', 'policy.json'), JSON.stringify(policy));
  const args = ['coordinator', '--config', '/data/herd/coordinator.yaml'];
  const container = await host.start(image, args, { binds, network: path, memoryMiB: 1_024 });
  lasting.push(container);
  await container.says(/"coordinator ready"/);
  const operator = async (...words: string[]) => {
    const reached = ['--credentials', '/data/herd/operator.json', '--address', `${address}:7442`, '--json'];
    const { code, stdout, stderr } = await container.testudo([...words, ...reached]);
    expect([code, stderr], words.join(' ')).toEqual([0, '']);
    return JSON.parse(stdout);
  };
  return { container, address, operator };
}

async function startHub(coordinator: Awaited<ReturnType<typeof startCoordinator>>) {
  const { path, address } = await network.join();
  const [data, settings] = [await host.data(), await host.data()];
  const { token } = await coordinator.operator('tokens', 'create', 'north');
  await writeFile(join(settings, 'join'), token);
  await writeFile(join(settings, 'sensors.token'), sharedToken);
  const config = {
    dataDirectory: '/data/client',
    coordinator: {
      addresses: [`${coordinator.address}:7442`],
      enrolAddress: `${coordinator.address}:7441`,
      reconnectSecondsMax: 0.2,
    },
    joinToken: { file: '/etc/testudo/join' },
    hub: {
      listen: '0.0.0.0:7443',
      admissionListen: '0.0.0.0:7444',
      admission: { kind: 'file', path: '/etc/testudo/sensors.token' },
    },
    agent: { inference: 'light' },
    training: { coresMax: 8, rssMiBMax: 4_096, loopDelayMsMax: 60_000 },
    health: { listen: '0.0.0.0:9464' },
  };
  await writeFile(join(settings, 'client.yaml'), stringify(config));
  const binds = [
    { from: data, to: '/data' },
    { from: settings, to: '/etc/testudo', readOnly: true },
  ];
  // Nothing said: the image's own command.
  const container = await host.start(built.images.client, undefined, { binds, network: path, memoryMiB: 1_024 });
  lasting.push(container);
  await container.says(/"connected to a coordinator"/);
  return { container, address, data };
}

async function startSensor(node: string, hub: Awaited<ReturnType<typeof startHub>>) {
  const { path } = await network.join();
  const [data, settings, logs] = [await host.data(), await host.data(), await host.data()];
  const events = join(logs, 'tetragon.jsonl');
  await writeFile(events, '');
  await writeFile(join(settings, 'token'), sharedToken);
  await writeFile(join(settings, 'ca.pem'), await readFile(join(hub.data, 'client', 'hub', 'authority.pem')));
  const config = {
    dataDirectory: '/data/sensor',
    node,
    hub: {
      address: `${hub.address}:7443`,
      admissionAddress: `${hub.address}:7444`,
      authorityFile: '/etc/testudo/ca.pem',
      tokenFile: '/etc/testudo/token',
      reconnectSecondsMax: 0.2,
    },
    sources: [{ kind: 'tetragonFile', path: '/var/run/tetragon/tetragon.jsonl' }],
    scoring: { warmUp: 60 },
    budget: { coresMax: 100, rssMiBMax: 1_000, loadMax: null }, // The machine of a test has more to do than a node.
    health: { listen: '0.0.0.0:9465' },
  };
  await writeFile(join(settings, 'sensor.yaml'), stringify(config));
  const binds = [
    { from: data, to: '/data' },
    { from: settings, to: '/etc/testudo', readOnly: true },
    { from: logs, to: '/var/run/tetragon', readOnly: true },
  ];
  // What docs/images.md says is enough.
  const container = await host.start(built.images.sensor, undefined, { binds, network: path, memoryMiB: 192 });
  lasting.push(container);
  return { container, node, events };
}

/** Examples in the hub's buffer. */
async function learnt({ address }: Awaited<ReturnType<typeof startHub>>): Promise<number> {
  const { body } = await network.get(`http://${address}:9464/readyz`);
  return (JSON.parse(body) as { checks: { examples: number } }).checks.examples;
}

/** A line of a container's log with this message and these members. */
async function says({ says }: Container, msg: string, members: Readonly<Record<string, unknown>>): Promise<void> {
  const others = lasting.map(async ({ id, ended }) => {
    const { code } = await ended;
    throw new Error(`${id} ended with ${code} while another was waited for`);
  });
  const wanted = Object.entries(members).map(([key, value]) => `(?=[^\n]*"${key}":${JSON.stringify(value)}[,}])`);
  await Promise.race([says(new RegExp(`^${wanted.join('')}[^\n]*"msg":"${msg}"`, 'm')), ...others]);
}

describe('docs/images.md', () => {
  it('says how large the images are, and which layers they share', () => {
    const text = readFileSync(join(checkout, 'docs', 'images.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `(\w+)` \|.*\| (\d+) MB \| (\d+) MB \|$/gm)];
    expect(rows.map(([, name]) => name)).toEqual([...imageNames]);
    for (const [, name = '', pull, unpacked] of rows) {
      const { pullMB, unpackedMB } = sizesOf(built.images[name as ImageName]);
      expect(Math.abs(pullMB / Number(pull) - 1), name).toBeLessThan(0.05);
      expect(Math.abs(unpackedMB / Number(unpacked) - 1), name).toBeLessThan(0.05);
    }
    const digests = (name: ImageName) => built.images[name].layers.map(({ packed }) => packed.digest);
    expect(digests('client').slice(0, 3)).toEqual(digests('coordinator').slice(0, 3));
    expect(digests('sensor').slice(0, 2)).toEqual(digests('coordinator').slice(0, 2));
  });
});

describe('the coordinator image under crun', () => {
  it('offers its own verbs and no others', async () => {
    const { ended } = await host.start(built.images.coordinator, ['--help']);
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ {2}worker /m);
    expect(stdout).not.toMatch(/^ {2}(?:demo|client|record) /m);
  });

  it('makes a federation in its data folder', async () => {
    const data = await host.data();
    const binds = [{ from: data, to: '/data' }];
    const { ended } = await host.start(built.images.coordinator, ['coordinator', 'init', '/data/herd'], { binds });
    const { code, stdout, stderr } = await ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toContain('made /data/herd/coordinator.yaml');
    expect(await readdir(join(data, 'herd'))).toEqual(
      expect.arrayContaining(['coordinator.yaml', 'data', 'master.key', 'operator.json']),
    );
    expect(await readFile(join(data, 'herd', 'master.key'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it('multiplies with native TensorFlow', async () => {
    const code =
      "const { tf } = await import('/app/base/tensorflow.js'); console.log(tf.getBackend(), (await tf.matMul([[1, 2]], [[3], [4]]).data())[0]);";
    const program = ['/usr/local/bin/node', '--input-type=module', '--eval'];
    const { ended } = await host.start(built.images.coordinator, [code], { program, memoryMiB: 1_024 });
    expect((await ended).stdout).toBe('tensorflow 11\n');
  });
});

describe('a coordinator, a client and two sensors, each from its image, under crun', () => {
  it('enrol, finish a round, install its release, and raise an alert', async () => {
    const coordinator = await startCoordinator();
    const hub = await startHub(coordinator);
    const sensors = [await startSensor('node-a', hub), await startSensor('node-b', hub)];
    for (const { node } of sensors) {
      await says(hub.container, 'a sensor spoke of a release', { node, version: 0, outcome: 'installed' });
    }

    for (const { events } of sensors) await happens(events, usual);
    // A client that is asked before its sensors have told it anything gives the round up.
    await expect.poll(async () => await learnt(hub)).toBeGreaterThan(0);
    const { round } = await coordinator.operator('rounds', 'open', 'syscall', '--reason', 'test');
    expect(round).toBe('r-1');
    for (const { node } of sensors) {
      await says(hub.container, 'a sensor spoke of a release', { node, version: 1, outcome: 'installed' });
    }

    const [first] = sensors;
    await happens(first?.events ?? '', [...usual, ...usual, hostileCalls]);
    await says(hub.container, 'alert', { track: 'syscall' });
    const lines = (await readFile(join(hub.data, 'client', 'alerts.jsonl'), 'utf8')).trimEnd().split('\n');
    const alerts = lines.map((line) => JSON.parse(line) as Alert);
    expect(alerts).toContainEqual(
      expect.objectContaining({
        modelVersion: 1,
        subject: expect.objectContaining({ pod: 'web-0', workloadClass: 'nginx' }),
        detail: expect.objectContaining({ sensor: 'node-a' }),
      }),
    );

    // What a kubelet would ask.
    expect(await network.get(`http://${coordinator.address}:7443/readyz`)).toMatchObject({ status: 200 });
    expect(await network.get(`http://${hub.address}:9464/healthz`)).toMatchObject({ status: 200 });

    // A pod that is deleted ends by itself, within the time that Kubernetes gives it.
    for (const { container } of [...sensors, hub, coordinator])
      expect(await container.stop()).toMatchObject({ code: 0 });
  });
});
