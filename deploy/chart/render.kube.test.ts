import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseClientConfig } from '../../client/config.ts';
import { parseSensorConfig } from '../../client/sensor-config.ts';
import { parseConfig } from '../../coordinator/config/config.ts';
import { aggregationLists } from '../../coordinator/queue/redis/redis-runner.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { readDoorConfig } from '../../door/config.ts';
import type { FederationId } from '../../proto/ids.ts';
import { readRelayConfig } from '../../relay/config.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { agentEnv, type ImageName, images } from '../images/images.ts';
import { combinations, valuesOf } from './roles.ts';

const chart = join(checkout, 'deploy', 'chart', 'testudo');
const all = valuesOf(['coordinator', 'workers', 'client', 'sensors']);

type Container = Readonly<{ name: string; image: string; args: string[]; resources: object }> &
  Readonly<{ env?: readonly Readonly<{ name: string; value: string }>[] }> &
  Readonly<Partial<Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', object>>>;
type PodSpec = Readonly<Record<'containers' | 'initContainers', readonly Container[]>> &
  Readonly<{ topologySpreadConstraints?: readonly object[] }>;
type Document = Readonly<{
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template?: { spec: PodSpec } };
}>;

type Mounting = Readonly<{
  containers: readonly Readonly<{ volumeMounts?: readonly Readonly<{ name: string }>[] }>[];
  volumes?: readonly Readonly<{ name: string }>[];
}>;

/** Mounts of what no pod and no claim of its set brings: an API server refuses such a pod. */
function mountsWithoutVolumes(rendered: readonly Document[]): string[] {
  return rendered.flatMap(({ kind, metadata, spec }) => {
    const pod = spec?.template?.spec as unknown as Mounting | undefined;
    const claims = (spec as { volumeClaimTemplates?: readonly Document[] } | undefined)?.volumeClaimTemplates ?? [];
    const known = new Set([...(pod?.volumes ?? []).map(({ name }) => name), ...claims.map((one) => one.metadata.name)]);
    const mounts = pod?.containers.flatMap(({ volumeMounts = [] }) => volumeMounts) ?? [];
    return mounts.filter(({ name }) => !known.has(name)).map(({ name }) => `${kind} ${metadata.name}: ${name}`);
  });
}

describe('what the chart renders', () => {
  const kubectl = new Kubectl();
  const render = (values: object) =>
    kubectl.helm(['template', 'testudo', chart, '--namespace', 'apart', '--values', '-'], JSON.stringify(values));
  const documents = async (values: object) =>
    parseAllDocuments(await render(values)).map((document) => document.toJS() as Document);

  it('is the same to the byte each time, and asks neither the cluster nor chance', async () => {
    const metrics = { serviceMonitor: { enabled: true }, rules: { enabled: true }, dashboard: { enabled: true } };
    const values = valuesOf(['coordinator', 'workers', 'client', 'sensors'], { metrics });
    expect(await render(values)).toBe(await render(values));
    const templates = readdirSync(join(chart, 'templates'));
    expect(templates.length).toBeGreaterThan(5);
    for (const name of templates) {
      const text = readFileSync(join(chart, 'templates', name), 'utf8');
      expect(text, name).not.toMatch(
        /\blookup\b|\brand|\bgen(?:CA|SelfSigned|Signed|PrivateKey)|\buuidv4|\bnow\b|\bderivePassword/,
      );
    }
  });

  it('holds no Secret and no CRD, in any combination of roles', async () => {
    for (const of of combinations) {
      const kinds = (await documents(valuesOf(of))).map(({ kind }) => kind);
      expect(kinds.length, of.join()).toBeGreaterThan(3);
      expect(kinds).not.toContain('Secret');
      expect(kinds).not.toContain('CustomResourceDefinition');
    }
    expect(readdirSync(chart)).not.toContain('crds');
  });

  it('serves the pages inside the pod alone, or on a Service for what ends TLS before them', async () => {
    const pagesOf = async (dashboard: object, config: object = {}) => {
      const values = valuesOf(['coordinator']) as { coordinator: object };
      const rendered = await documents({ ...values, coordinator: { ...values.coordinator, dashboard, config } });
      const text =
        rendered.find(({ data }) => data?.['coordinator.yaml'] !== undefined)?.data?.['coordinator.yaml'] ?? '';
      const service = rendered.find(({ metadata }) => metadata.name === 'testudo-coordinator-pages')?.kind;
      const parsed = parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text } });
      const all = JSON.stringify(rendered);
      return { parsed, service, open: all.includes('"port":"pages"') };
    };
    expect(await pagesOf({ enabled: false })).toMatchObject({ service: undefined, open: false });
    const inside = await pagesOf({ enabled: true });
    expect(inside).toMatchObject({ service: undefined, open: false });
    expect(inside.parsed).toMatchObject({ ok: true, value: { listen: { dashboard: '127.0.0.1:7445' } } });
    const url = 'https://pages.example.org';
    const outside = await pagesOf({ enabled: true, url }, { dashboard: { sessionMinutes: 15 } });
    expect(outside).toMatchObject({ service: 'Service', open: true });
    expect(outside.parsed).toMatchObject({
      value: { listen: { dashboard: '0.0.0.0:7445' }, dashboard: { url, sessionMinutes: 15 } },
    });
  });

  it('configures processes that take it', async () => {
    const rendered = await documents(all);
    const text = (role: string) =>
      rendered.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `testudo-${role}`)?.data?.[
        `${role}.yaml`
      ] ?? '';
    const file = (role: string) => ({ file: { path: `/etc/testudo/${role}/${role}.yaml`, text: text(role) } });
    expect(parseConfig(file('coordinator'))).toMatchObject({
      ok: true,
      value: {
        listen: { health: '0.0.0.0:7443' },
        serverNames: [
          'coordinator.example.org',
          'testudo-coordinator.apart.svc',
          'testudo-coordinator.apart',
          'testudo-coordinator',
        ],
      },
    });
    expect(parseClientConfig(file('client'))).toMatchObject({
      ok: true,
      value: {
        dataDirectory: '/var/lib/testudo/data',
        agent: { trustAnchor: '/etc/testudo/client/root.json' },
        hub: { admission: { kind: 'tokenReview', serviceAccount: 'apart/testudo-sensor' } },
      },
    });
    expect(parseSensorConfig(file('sensor'))).toMatchObject({
      ok: true,
      value: {
        hub: { address: { host: 'hub.example.org', port: 7451 }, tokenFile: '/etc/testudo/hub-token/token' },
        sources: [{ kind: 'tetragonGrpc', address: 'unix:///node/tetragon.sock' }],
        agent: { trustAnchor: '/etc/testudo/sensor/root.json' },
      },
    });
  });

  it('runs two coordinators on a database and one volume: one of them stands by, which no rollout and no drain waits for', async () => {
    const postgres = { address: 'postgres://testudo@db.example.org/testudo', secretName: 'db' };
    const persistence = { accessMode: 'ReadWriteMany' };
    const config = { journal: { postgres: { synchronous: 'required', tls: {} } } };
    const coordinator = { replicas: 2, postgres, persistence, config };
    const rendered = await documents(valuesOf(['coordinator', 'workers'], { coordinator }));
    const of = (kind: string, name: string) =>
      rendered.find((one) => one.kind === kind && one.metadata.name === name) as never;
    const mounts = { name: 'data', persistentVolumeClaim: { claimName: 'testudo-coordinator-shared' } };
    const template = (args: readonly string[], name: string) => ({
      spec: { containers: [{ name, args }], volumes: expect.arrayContaining([mounts]) },
    });
    const file = '--config=/etc/testudo/coordinator/coordinator.yaml';
    expect(of('StatefulSet', 'testudo-coordinator')).toMatchObject({
      spec: {
        replicas: 2,
        podManagementPolicy: 'Parallel',
        updateStrategy: { type: 'OnDelete' },
        template: template(['coordinator', file, '--standby'], 'coordinator'),
      },
    });
    expect(of('Deployment', 'testudo-worker')).toMatchObject({
      spec: { template: template(['worker', file], 'worker') },
    });
    expect(of('PersistentVolumeClaim', 'testudo-coordinator-shared')).toMatchObject({
      spec: { accessModes: ['ReadWriteMany'] },
    });
    expect(of('PodDisruptionBudget', 'testudo-coordinator')).toMatchObject({ spec: { maxUnavailable: 2 } });
    const text = (of('ConfigMap', 'testudo-coordinator') as Document).data?.['coordinator.yaml'] ?? '';
    expect(parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text } })).toMatchObject({
      value: {
        journal: {
          postgres: {
            ...{ address: postgres.address, synchronous: 'required' },
            password: { kind: 'file', path: '/etc/testudo/postgres/password' },
          },
        },
      },
    });
    for (const role of ['coordinator', 'worker']) {
      expect(JSON.stringify(of('NetworkPolicy', `testudo-${role}`))).toContain('"port":5432');
    }
    expect(mountsWithoutVolumes(rendered)).toEqual([]);
  });

  it('runs coordinators and workers on a database and a bucket: each on a folder of its own, on any node', async () => {
    const postgres = { address: 'postgres://testudo@db.example.org/testudo', secretName: 'db' };
    const s3 = { endpoint: 'https://objects.example.org', bucket: 'herd', prefix: 'blobs/', secretName: 's3' };
    const config = { journal: { postgres: { tls: {} } }, blobs: { s3: { region: 'eu-central-1' } } };
    const coordinator = { replicas: 2, postgres, blobs: { s3 }, config };
    const rendered = await documents(valuesOf(['coordinator', 'workers'], { coordinator }));
    const of = (kind: string, name: string) =>
      rendered.find((one) => one.kind === kind && one.metadata.name === name) as never;
    expect(of('StatefulSet', 'testudo-coordinator')).toMatchObject({
      spec: { replicas: 2, volumeClaimTemplates: [{ metadata: { name: 'data' } }] },
    });
    const worker = of('Deployment', 'testudo-worker') as Document;
    expect(worker).toMatchObject({
      spec: {
        template: { spec: { volumes: expect.arrayContaining([{ name: 'data', emptyDir: { sizeLimit: '20Gi' } }]) } },
      },
    });
    expect(JSON.stringify(worker)).not.toContain('podAffinity":');
    expect(rendered.filter(({ kind }) => kind === 'PersistentVolumeClaim')).toEqual([]);
    expect(mountsWithoutVolumes(rendered)).toEqual([]);
    const text = (of('ConfigMap', 'testudo-coordinator') as Document).data?.['coordinator.yaml'] ?? '';
    expect(parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text } })).toMatchObject({
      value: {
        blobs: {
          s3: {
            ...{ endpoint: s3.endpoint, bucket: 'herd', prefix: 'blobs/', region: 'eu-central-1' },
            credentials: {
              accessKeyId: { kind: 'file', path: '/etc/testudo/s3/access-key-id' },
              secretAccessKey: { kind: 'file', path: '/etc/testudo/s3/secret-access-key' },
            },
          },
        },
      },
    });
    for (const role of ['coordinator', 'worker']) {
      expect(JSON.stringify(of('NetworkPolicy', `testudo-${role}`))).toContain('"port":443');
    }
  });

  it('runs a region as a relay: a coordinator that is also a member of its parent, whom it reaches and nobody else', async () => {
    const relay = { dataKey: { secretName: 'kms' }, config: { parent: { silenceSecondsMax: 30 } } };
    const metrics = { serviceMonitor: { enabled: true } };
    const rendered = await documents(valuesOf(['relay'], { coordinator: { relay }, metrics }));
    const of = (kind: string, name = 'testudo-coordinator') =>
      rendered.find((one) => one.kind === kind && one.metadata.name === name);
    const [container] = of('StatefulSet')?.spec?.template?.spec.containers ?? [];
    expect(container?.args).toEqual(['relay', '--config=/etc/testudo/coordinator/relay.yaml']);
    expect(images.coordinator.verbs).toContain('relay');
    const folder = tempDir();
    for (const [name, text] of Object.entries(of('ConfigMap')?.data ?? {})) writeFileSync(join(folder, name), text);
    expect(readRelayConfig(join(folder, 'relay.yaml'))).toMatchObject({
      ok: true,
      value: {
        ...{ coordinator: '/etc/testudo/coordinator/coordinator.yaml', dataDirectory: '/var/lib/testudo/parent' },
        parent: { addresses: [{ host: 'root.example.org', port: 7_442 }], silenceSecondsMax: 30 },
        joinToken: { kind: 'file', path: '/etc/testudo/parent-token/token' },
        dataKey: { kind: 'file', path: '/etc/testudo/parent-data-key/data.key' },
        ...{ trustAnchor: '/etc/testudo/coordinator/parent-root.json', tracks: ['syscall'] },
        health: { listen: '0.0.0.0:9464' },
      },
    });
    expect(mountsWithoutVolumes(rendered)).toEqual([]);
    const policy = JSON.stringify(of('NetworkPolicy'));
    expect(policy).toContain(
      '{"ports":[{"protocol":"TCP","port":7441},{"protocol":"TCP","port":7442}],"to":[{"ipBlock"',
    );
    expect(JSON.stringify(of('NetworkPolicy'))).toContain('"port":"parent"');
    const without = await documents(valuesOf(['coordinator'], { metrics }));
    expect(JSON.stringify(without)).not.toMatch(/"parent"|relay\.yaml/);
    expect(JSON.stringify(rendered)).toContain('{"port":"parent","path":"/metrics","interval":"30s"}');
  });

  it('puts doors in front of a coordinator: they read its journal, put into its bucket, reach it and nobody else, and hold nothing', async () => {
    const networkPolicy = { coordinatorFrom: [{ ipBlock: { cidr: '198.51.100.0/24' } }] };
    const rendered = await documents(
      valuesOf(['doors'], { networkPolicy, coordinator: { doors: { config: { drainSeconds: 5 } } } }),
    );
    const of = (kind: string, name = 'testudo-door') =>
      rendered.find((one) => one.kind === kind && one.metadata.name === name);
    const deployment = of('Deployment') as Document;
    expect(deployment.spec).toMatchObject({ replicas: 2 });
    const [container] = deployment.spec?.template?.spec.containers ?? [];
    expect(container?.args).toEqual(['door', '--config=/etc/testudo/door/door.yaml']);
    expect(images.coordinator.verbs).toContain('door');
    const folder = tempDir();
    writeFileSync(join(folder, 'door.yaml'), of('ConfigMap')?.data?.['door.yaml'] ?? '');
    expect(readDoorConfig(join(folder, 'door.yaml'))).toMatchObject({
      ok: true,
      value: {
        ...{
          credentials: '/etc/testudo/credentials/door.json',
          dataDirectory: '/var/lib/testudo/door',
          drainSeconds: 5,
        },
        listen: { enrolment: '0.0.0.0:7441', federation: '0.0.0.0:7442', health: '0.0.0.0:7443' },
        journal: {
          postgres: {
            address: 'postgres://door@db.example.org/testudo',
            password: { kind: 'file', path: '/etc/testudo/postgres/password' },
          },
        },
        blobs: { s3: { endpoint: 'https://objects.example.org', bucket: 'herd' } },
      },
    });
    expect(mountsWithoutVolumes(rendered)).toEqual([]);
    expect(JSON.stringify(deployment)).not.toMatch(/master-key|persistentVolumeClaim/);
    expect(JSON.stringify(deployment)).toContain('"secretName":"door-reader"');
    const policy = of('NetworkPolicy') as unknown as { spec: { egress: readonly { to?: object[] }[] } };
    const ofCoordinator = { 'app.kubernetes.io/component': 'coordinator' };
    expect(policy.spec.egress.at(-1)?.to).toMatchObject([{ podSelector: { matchLabels: ofCoordinator } }]);
    const before = JSON.stringify(of('NetworkPolicy', 'testudo-coordinator'));
    expect(before).toContain('"app.kubernetes.io/component":"door"');
    expect(of('PodDisruptionBudget')).toMatchObject({ spec: { maxUnavailable: 1 } });
    expect(of('Service')).toMatchObject({ spec: { ports: [{ port: 7_441 }, { port: 7_442 }] } });
    expect(JSON.stringify(await documents(valuesOf(['coordinator'])))).not.toContain('testudo-door');
  });

  it('mounts authorities of the stores where coordinator, workers and doors are told to look for them, and nowhere else', async () => {
    const ca = (name: string) => `/etc/testudo/authorities/${name}/ca.crt`;
    const config = {
      journal: { postgres: { tls: { ca: ca('db-ca') } } },
      blobs: { s3: { tls: { ca: ca('corporate') } } },
    };
    const coordinator = { config, authorities: [{ configMapName: 'corporate' }, { secretName: 'db-ca' }] };
    const rendered = await documents(valuesOf(['doors', 'workers', 'client'], { coordinator }));
    const podOf = (role: string) =>
      rendered.find(({ metadata, spec }) => metadata.name === `testudo-${role}` && spec?.template !== undefined)?.spec
        ?.template?.spec;
    for (const role of ['coordinator', 'worker', 'door']) {
      expect(podOf(role), role).toMatchObject({
        containers: [
          {
            volumeMounts: expect.arrayContaining([
              { name: 'authority-corporate', mountPath: '/etc/testudo/authorities/corporate', readOnly: true },
              { name: 'authority-db-ca', mountPath: '/etc/testudo/authorities/db-ca', readOnly: true },
            ]),
          },
        ],
        volumes: expect.arrayContaining([
          { name: 'authority-corporate', configMap: { name: 'corporate' } },
          { name: 'authority-db-ca', secret: expect.objectContaining({ secretName: 'db-ca' }) },
        ]),
      });
    }
    expect(mountsWithoutVolumes(rendered)).toEqual([]);
    expect(JSON.stringify(podOf('client'))).not.toContain('authority-');
    const text = (role: string) => rendered.find(({ data }) => data?.[`${role}.yaml`])?.data?.[`${role}.yaml`] ?? '';
    for (const role of ['coordinator', 'door'])
      for (const name of ['db-ca', 'corporate']) expect(text(role)).toContain(ca(name));
  });

  it('lets KEDA scale workers by the lists in which the queue keeps its jobs, as the code names them', async () => {
    const keda = { enabled: true, address: 'redis.example.org:6379', password: { secretName: 'redis' } };
    const redis = { secretName: 'redis' };
    const coordinator = { federation: 'flock', redis, workers: { keda, fallbackAfterSeconds: 'never' } };
    const rendered = await documents(valuesOf(['coordinator'], { coordinator }));
    const of = (kind: string) => rendered.find((one) => one.kind === kind && one.metadata.name === 'testudo-worker');
    const lists = Object.values(aggregationLists('flock' as FederationId));
    expect(lists).toHaveLength(2);
    const trigger = (listName: string) => ({
      type: 'redis',
      metadata: {
        ...{ address: keda.address, enableTLS: 'true', databaseIndex: '0' },
        ...{ listName, listLength: '1', activationListLength: '0' },
      },
      authenticationRef: { name: 'testudo-worker' },
    });
    expect(of('ScaledObject')).toMatchObject({
      spec: { scaleTargetRef: { name: 'testudo-worker' }, minReplicaCount: 0, triggers: lists.map(trigger) },
    });
    expect(of('TriggerAuthentication')).toBeDefined();
    expect(of('Deployment')?.spec).not.toHaveProperty('replicas');
    expect(of('Deployment')?.spec?.template?.spec).toMatchObject({ terminationGracePeriodSeconds: 3_600 });
    const text = rendered.find(({ data }) => data?.['coordinator.yaml'])?.data?.['coordinator.yaml'] ?? '';
    const environment = { TESTUDO_REDIS_URL: 'redis://127.0.0.1' };
    expect(parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text }, environment })).toMatchObject({
      value: { workers: { fallbackAfterSeconds: 'never' } },
    });
  });

  it('has Sentinels say where Redis is, whose name stands in the URL of the Secret', async () => {
    const sentinels = ['sentinel-0.redis:26379', 'sentinel-1.redis:26379'];
    const rendered = await documents(
      valuesOf(['coordinator'], { coordinator: { redis: { secretName: 'redis', sentinels } } }),
    );
    const text = rendered.find(({ data }) => data?.['coordinator.yaml'])?.data?.['coordinator.yaml'] ?? '';
    const environment = { TESTUDO_REDIS_URL: 'rediss://:password@mymaster' };
    expect(parseConfig({ file: { path: '/etc/testudo/coordinator.yaml', text }, environment })).toMatchObject({
      value: { redis: { url: environment.TESTUDO_REDIS_URL, sentinels } },
    });
  });

  it('has KEDA ask the Sentinels, by the name that the chart is told', async () => {
    const sentinels = ['sentinel-0.redis:26379', 'sentinel-1.redis:26379'];
    const values = (keda: object) =>
      valuesOf(['coordinator'], {
        coordinator: { redis: { secretName: 'redis', sentinels }, workers: { keda: { enabled: true, ...keda } } },
      });
    const rendered = await documents(values({ sentinelMaster: 'mymaster', database: 2 }));
    const scaled = rendered.find(({ kind }) => kind === 'ScaledObject');
    const asked = {
      type: 'redis-sentinel',
      metadata: { addresses: sentinels.join(','), sentinelMaster: 'mymaster', databaseIndex: '2', enableTLS: 'true' },
    };
    expect(scaled).toMatchObject({ spec: { triggers: [asked, asked] } });
    expect(JSON.stringify(scaled)).not.toContain('"address"');
    await expect(documents(values({}))).rejects.toThrow('sentinelMaster');
  });

  it('lets the agent have what its own limit allows, where its image is made for a sensor', async () => {
    const rendered = await documents(valuesOf(['client'], { agent: { enabled: true, namespaces: ['shop'] } }));
    const [agent] = rendered
      .flatMap(({ spec }) => spec?.template?.spec.containers ?? [])
      .filter(({ name }) => name === 'agent');
    const set = new Map(agent?.env?.map(({ name, value }) => [name, value]));
    const ofImage = images.sensor.env.filter((line) => !set.has(line.slice(0, line.indexOf('='))));
    expect([...ofImage, ...[...set].map(([name, value]) => `${name}=${value}`)]).toEqual(agentEnv);
    expect(agentEnv.join()).not.toContain('old-space');
  });

  it('bounds every container, probes each that answers, spreads what has replicas, and budgets what may be evicted', async () => {
    const shared = valuesOf(['coordinator', 'workers', 'client', 'sensors'], {
      coordinator: { persistence: { accessMode: 'ReadWriteMany' } },
      agent: { enabled: true, namespaces: ['shop'] },
    });
    const rendered = await documents(shared);
    const pods = rendered.flatMap(({ kind, spec }) => {
      const pod = spec?.template?.spec;
      return pod === undefined ? [] : [{ kind, pod }];
    });
    const containers = pods.flatMap(({ pod }) => pod.containers);
    expect(containers.map(({ name }) => name).sort()).toEqual(['agent', 'client', 'coordinator', 'sensor', 'worker']);
    for (const { name, resources, startupProbe, livenessProbe, readinessProbe } of containers) {
      expect(resources, name).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { memory: expect.anything() },
      });
      const probes = [startupProbe, livenessProbe, readinessProbe];
      // A worker takes jobs from Redis and answers nobody.
      if (name === 'worker') expect(probes).toEqual([undefined, undefined, undefined]);
      else {
        const paths = ['/healthz', '/healthz', '/readyz'];
        expect(probes, name).toMatchObject(paths.map((path) => ({ httpGet: { path, port: 'health' } })));
      }
    }
    // Workers alone have replicas; they are kept together only by a volume that one node alone may mount.
    const spread = (found: typeof pods) =>
      found.filter(({ pod }) => pod.topologySpreadConstraints !== undefined).map(({ pod }) => pod.containers[0]?.name);
    expect(spread(pods)).toEqual(['worker']);
    const budgets = rendered.filter(({ kind }) => kind === 'PodDisruptionBudget');
    expect(budgets.map(({ metadata }) => metadata.name).sort()).toEqual(
      ['agent', 'client', 'coordinator', 'worker'].map((role) => `testudo-${role}`),
    );
    for (const { spec } of budgets) {
      expect(spec).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
    }
  });

  it('runs verbs that its images hold, of images of this version', async () => {
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    const pods = (await documents(all)).flatMap(({ spec }) => spec?.template?.spec ?? []);
    const containers = pods.flatMap(({ containers, initContainers = [] }) => [...containers, ...initContainers]);
    expect(containers.map(({ name }) => name).sort()).toEqual(['client', 'coordinator', 'sensor', 'unpack', 'worker']);
    for (const { image, args } of containers) {
      const [, name, tag] = /^testudo\/(\w+):(.+)$/.exec(image) ?? [];
      expect(tag).toBe(version);
      expect(images[name as ImageName].verbs).toContain(args[0]);
    }
  });

  it.each([
    ['a word that is not known', { coordinator: { enbled: true } }, "additional properties 'enbled' not allowed"],
    ['a client without a coordinator', { client: { enabled: true } }, "'/client/coordinator/addresses': minItems"],
    [
      'no Secret for the master key',
      { coordinator: { masterKey: { secretName: '' } } },
      '/coordinator/masterKey/secretName',
    ],
    [
      'workers without Redis',
      { coordinator: { enabled: true, workers: { replicas: 1 } } },
      'needs coordinator.redis.secretName',
    ],
    [
      'two coordinators without a database',
      { coordinator: { enabled: true, replicas: 2 } },
      'needs coordinator.postgres',
    ],
    [
      'two coordinators on a volume of one node',
      { coordinator: { enabled: true, replicas: 2, postgres: { address: 'postgres://a@b/c' } } },
      'ReadWriteMany',
    ],
    [
      'a bucket without its keys',
      { coordinator: { enabled: true, blobs: { s3: { endpoint: 'https://objects.example.org', bucket: 'herd' } } } },
      'a Secret that holds its keys',
    ],
    ['a region without a parent', { coordinator: { enabled: true, relay: { enabled: true } } }, 'relay/tracks'],
    [
      'a parent of a region that is off',
      { coordinator: { enabled: true, relay: { parent: { addresses: ['root.example.org:7442'] } } } },
      'set coordinator.relay.enabled',
    ],
    [
      'an authority of two places',
      { coordinator: { enabled: true, authorities: [{ configMapName: 'a', secretName: 'b' }] } },
      '/coordinator/authorities/0',
    ],
    [
      'a region with a standby',
      valuesOf(['relay'], {
        coordinator: {
          replicas: 2,
          postgres: { address: 'postgres://a@b/c' },
          persistence: { accessMode: 'ReadWriteMany' },
        },
      }),
      'a relay has no standby',
    ],
    [
      'doors without a database and a bucket',
      { coordinator: { enabled: true, doors: { replicas: 1 } } },
      'coordinator.doors needs coordinator.postgres.address and coordinator.blobs.s3',
    ],
    [
      'a password in the address of a database, which a ConfigMap would show',
      {
        coordinator: { enabled: true, postgres: { address: 'postgres://testudo:secret@db/testudo', secretName: 'db' } },
      },
      "'/coordinator/postgres/address': ",
    ],
    [
      'the same of doors',
      { coordinator: { doors: { postgres: { address: 'postgres://door:secret@db/testudo' } } } },
      "'/coordinator/doors/postgres/address': ",
    ],
    [
      'a port at the hub, which has two',
      { sensors: { enabled: true, hubAddress: 'hub.example.org:7451' } },
      'hubAddress',
    ],
    ['sensors without a hub', { sensors: { enabled: true } }, 'sensors need a hub'],
  ])('is refused for %s', async (_why, values, message) => {
    const ended = await kubectl.try('helm', ['template', 't', chart, '--values', '-'], JSON.stringify(values));
    expect(ended.code).not.toBe(0);
    expect(ended.error).toContain(message);
  });

  it('takes what a chart above it shares, and labels everything with common labels', async () => {
    const labels = { team: 'herd' };
    const rendered = await documents({ ...all, global: { imageRegistry: 'mirror' }, commonLabels: labels });
    for (const { metadata, kind } of rendered) expect(metadata, kind).toMatchObject({ labels });
  });

  it('lets names be resolved: by the pods of the DNS on their own port, and by the node itself', async () => {
    const policies = (await documents(all)).filter(({ kind }) => kind === 'NetworkPolicy') as unknown as {
      spec: { policyTypes: string[]; egress: unknown[] };
    }[];
    expect(policies).toHaveLength(4);
    const both = [
      { protocol: 'UDP', port: 53 },
      { protocol: 'TCP', port: 53 },
    ];
    for (const { spec } of policies) {
      expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
      expect(spec.egress).toContainEqual({
        ports: both,
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
      });
      expect(spec.egress).toContainEqual({ ports: both, to: [{ ipBlock: { cidr: '169.254.20.10/32' } }] });
    }
    const openshift = { namespaceLabels: { a: 'b' }, podLabels: { c: 'd' }, ports: [5353], nodeLocalAddress: '' };
    const [one] = (await documents({ ...all, networkPolicy: { dns: openshift } })).filter(
      ({ kind }) => kind === 'NetworkPolicy',
    );
    expect(JSON.stringify(one)).toContain('5353');
    expect(JSON.stringify(one)).not.toContain('169.254');
  });
});
