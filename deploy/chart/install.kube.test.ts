import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkout } from '../../tools/setup/places.mjs';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { makeVolumes } from '../../tools/testing/kube/volumes.ts';
import { combinations, valuesOf } from './roles.ts';

const chart = join(checkout, 'deploy', 'chart', 'testudo');
/** As it was once published. Whoever has it must be able to come here, and to go back. */
const before = join(checkout, 'deploy', 'chart', 'testing', 'testudo-0.0.9.tgz');

/** What the chart names and somebody else makes. */
const secrets = [
  'testudo-master-key',
  'testudo-founding',
  'testudo-join-token',
  'testudo-hub-authority',
  'redis',
  'testudo-parent-token',
  'testudo-door',
  'postgres',
  'door-reader',
  's3',
];

describe('the chart on a control plane', () => {
  const kubectl = new Kubectl();
  beforeAll(() => makeVolumes(kubectl, 56)); // As many as there are claims below.

  const prepared = async (level: 'restricted' | 'privileged') => {
    const namespace = await kubectl.namespace({ 'pod-security.kubernetes.io/enforce': level });
    const items = secrets.map((name) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      stringData: { 'master.key': 'k', 'founding.gz': '-', token: 't', url: 'u', 'tls.crt': 'c', 'tls.key': 'k' },
    }));
    await kubectl.create(items);
    return namespace;
  };
  const act = (verb: readonly string[], namespace: string, values?: object) =>
    kubectl.helm(
      [...verb, '--namespace', namespace, ...(values === undefined ? [] : ['--values', '-'])],
      JSON.stringify(values ?? {}),
    );
  const workloads = async (namespace: string) =>
    (await kubectl.run(['-n', namespace, 'get', 'statefulset,deployment,daemonset', '-o', 'name']))
      .split('\n')
      .filter(Boolean);
  const rolledOut = (namespace: string) =>
    kubectl.run(['-n', namespace, 'rollout', 'status', 'statefulset,deployment,daemonset', '--timeout=10m']);

  it.each(combinations.map((of) => [of.join(' + '), of] as const))(
    '%s: valid to the last field, admitted, ready, and gone again',
    async (_name, of) => {
      // Of all roles the sensor alone is more than `restricted` admits.
      const namespace = await prepared(of.includes('sensors') ? 'privileged' : 'restricted');
      const values = valuesOf(of);
      const manifests = await act(['template', 'testudo', chart], namespace, values);
      await kubectl.run(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], manifests);
      await act(['install', 'testudo', chart], namespace, values);
      await rolledOut(namespace);
      const wanted = {
        coordinator: 'statefulset.apps/testudo-coordinator',
        workers: 'deployment.apps/testudo-worker',
        client: 'statefulset.apps/testudo-client',
        sensors: 'daemonset.apps/testudo-sensor',
        relay: 'statefulset.apps/testudo-coordinator',
        doors: 'deployment.apps/testudo-door',
      };
      expect(await workloads(namespace)).toEqual(expect.arrayContaining(of.map((role) => wanted[role])));
      await act(['uninstall', 'testudo', '--wait'], namespace);
      const kinds =
        'statefulset,deployment,daemonset,service,configmap,networkpolicy,poddisruptionbudget,serviceaccount,role,rolebinding';
      const left = await kubectl.run(['-n', namespace, 'get', `${kinds},clusterrole,clusterrolebinding`, '-o', 'name']);
      const ours = left.split('\n').filter((name) => !name.startsWith('clusterrole') || name.endsWith(namespace));
      expect(ours.filter(Boolean).sort()).toEqual(['configmap/kube-root-ca.crt', 'serviceaccount/default']);
    },
  );

  it('the sensor is refused under restricted for its hostPath and its user, and for nothing else', async () => {
    const namespace = await prepared('restricted');
    await act(['install', 'testudo', chart], namespace, valuesOf(['sensors']));
    const refusal = async () => {
      const { items } = await kubectl.json<{ items: { reason: string; message: string }[] }>([
        ...['-n', namespace, 'get', 'events'],
      ]);
      return items.find(({ reason }) => reason === 'FailedCreate')?.message;
    };
    let message: string | undefined;
    while (message === undefined) message = await refusal();
    const why = /violates PodSecurity "restricted:latest": (.*)$/.exec(message)?.[1] ?? message;
    expect(
      why
        .replaceAll(/\([^()]*\)|\((?:[^()]|\([^()]*\))*\)/g, '')
        .split(',')
        .map((text) => text.trim().split(' ')[0]),
    ).toEqual(['restricted', 'runAsNonRoot', 'runAsUser=0']);
    expect(why).toContain('restricted volume types (volume "node" uses restricted volume type "hostPath")');
  });

  it('comes from the version before, goes back to it, comes again, and leaves volumes alone when it goes', async () => {
    const namespace = await prepared('privileged');
    const volumes = async () => {
      const { items } = await kubectl.json<{ items: { metadata: { name: string; uid: string } }[] }>([
        ...['-n', namespace, 'get', 'pvc'],
      ]);
      return items.map(({ metadata: { name, uid } }) => `${name} ${uid}`).sort();
    };
    const values = valuesOf(['coordinator', 'workers', 'client', 'sensors']);
    await act(['install', 'testudo', before], namespace, values);
    await rolledOut(namespace);
    const first = await volumes();
    expect(first.map((line) => line.split(' ')[0])).toEqual(['data-testudo-client-0', 'data-testudo-coordinator-0']);
    await act(['upgrade', 'testudo', chart], namespace, values);
    await rolledOut(namespace);
    await act(['rollback', 'testudo', '1'], namespace);
    await rolledOut(namespace);
    await act(['upgrade', 'testudo', chart], namespace, values);
    await rolledOut(namespace);
    const history = JSON.parse(await act(['history', 'testudo', '--output', 'json'], namespace)) as {
      chart: string;
      status: string;
    }[];
    expect(history.map(({ chart }) => chart)).toEqual([
      'testudo-0.0.9',
      'testudo-0.1.0',
      'testudo-0.0.9',
      'testudo-0.1.0',
    ]);
    expect(history.at(-1)?.status).toBe('deployed');
    await act(['uninstall', 'testudo', '--wait'], namespace);
    expect(await workloads(namespace)).toEqual([]);
    expect(await volumes()).toEqual(first); // The same ones through all of it.
  });

  it('gives nobody a right but the client, which may list and watch pods and have tokens reviewed', async () => {
    const namespace = await prepared('privileged');
    await act(['install', 'testudo', chart], namespace, valuesOf(['coordinator', 'workers', 'client', 'sensors']));
    const rights = async (account: string) =>
      (
        await kubectl.run([
          '-n',
          namespace,
          'auth',
          'can-i',
          '--list',
          '--no-headers',
          `--as=system:serviceaccount:${namespace}:${account}`,
        ])
      )
        .split('\n')
        .map((line) => line.replaceAll(/\s+/g, ' ').trim())
        .filter(Boolean)
        .sort();
    const bare = await rights('default');
    // The API server hears of roles a moment after they were made.
    const more = async (account: string) => (await rights(account)).filter((right) => !bare.includes(right));
    await expect
      .poll(() => more('testudo-client'))
      .toEqual(['pods [] [] [list watch]', 'tokenreviews.authentication.k8s.io [] [] [create]']);
    for (const role of ['coordinator', 'worker', 'sensor']) expect(await rights(`testudo-${role}`), role).toEqual(bare);
    await act(['upgrade', 'testudo', chart], namespace, valuesOf(['relay', 'workers', 'client', 'sensors']));
    expect(await rights('testudo-coordinator')).toEqual(bare); // A region asks its own cluster nothing.
    const all = valuesOf(['coordinator', 'workers', 'client', 'sensors'], {
      sensors: { enrichment: { enabled: true } },
    });
    await act(['upgrade', 'testudo', chart], namespace, all);
    await expect.poll(() => more('testudo-sensor')).toEqual(['pods [] [] [list watch]']);
    const may = async (...what: string[]) =>
      (
        await kubectl.try('kubectl', [
          'auth',
          'can-i',
          ...what,
          '-n',
          namespace,
          `--as=system:serviceaccount:${namespace}:testudo-client`,
        ])
      ).out.trim();
    for (const denied of [
      'get secrets',
      'create pods',
      'create pods/exec',
      'delete pods',
      'patch pods',
      'create pods/eviction',
      'get nodes/proxy',
      'list nodes',
      'update networkpolicies.networking.k8s.io',
      'escalate clusterroles',
      'impersonate serviceaccounts',
    ]) {
      expect(await may(...denied.split(' ')), denied).toBe('no');
    }
  });

  it('lets every pod be evicted when its node is drained', async () => {
    const namespace = await prepared('restricted');
    await act(['install', 'testudo', chart], namespace, valuesOf(['coordinator', 'workers', 'client']));
    await rolledOut(namespace);
    const budgets = async () => {
      const { items } = await kubectl.json<{ items: { status: { disruptionsAllowed?: number } }[] }>([
        ...['-n', namespace, 'get', 'poddisruptionbudgets'],
      ]);
      return items.map(({ status }) => status.disruptionsAllowed);
    };
    while (!(await budgets()).every((allowed) => allowed === 1)) await rolledOut(namespace);
    expect(await budgets()).toHaveLength(3);
    for (const name of ['testudo-coordinator-0', 'testudo-client-0']) {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
      expect(await kubectl.run(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction))).toContain('Success');
    }
    await rolledOut(namespace);
  });

  it('needs the Prometheus operator for monitors and rules alone, and is valid to the last field where that is', async () => {
    const namespace = await prepared('restricted');
    const values = valuesOf(['client'], { metrics: { dashboard: { enabled: true } } });
    await act(['install', 'testudo', chart], namespace, values);
    const get = ['-n', namespace, 'get', 'configmap', 'testudo-dashboard'];
    const map = await kubectl.json<{ data: Record<string, string> }>(get);
    expect(JSON.parse(map.data['testudo.json'] ?? '')).toMatchObject({ uid: 'testudo' });
    const labels = { release: 'prometheus' };
    const metrics = { serviceMonitor: { enabled: true, labels }, rules: { enabled: true, labels } };
    const monitored = JSON.stringify({ ...values, metrics });
    const upgrade = ['upgrade', 'testudo', chart, '-n', namespace, '--values', '-'];
    expect((await kubectl.try('helm', upgrade, monitored)).error).toContain('ServiceMonitor');

    const definitions = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: operatorKinds() });
    await kubectl.run(['create', '-f', '-'], definitions);
    try {
      const named = operatorKinds().map(({ metadata }) => `crd/${metadata.name}`);
      await kubectl.run(['wait', '--for=condition=Established', ...named, '--timeout=10m']);
      const manifests = await act(['template', 'testudo', chart], namespace, JSON.parse(monitored));
      await kubectl.run(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], manifests);
      await kubectl.helm(upgrade, monitored);
      const rules = await kubectl.json<{ spec: { groups: { rules: unknown[] }[] } }>([
        ...['-n', namespace, 'get', 'prometheusrules.monitoring.coreos.com', 'testudo'],
      ]);
      expect(rules.spec.groups[0]?.rules.length).toBeGreaterThan(8);
    } finally {
      await kubectl.run(['delete', '-f', '-'], definitions);
    }
  });
});

/** The operator's kinds with the fields that we write: strict validation then refuses every other. */
function operatorKinds() {
  const text = { type: 'string' };
  const texts = { type: 'object', additionalProperties: text };
  const list = (properties: object) => ({ type: 'array', items: { type: 'object', properties } });
  const monitor = {
    selector: { type: 'object', properties: { matchLabels: texts } },
    endpoints: list({ port: text, path: text, interval: text }),
  };
  const rule = { alert: text, expr: text, for: text, labels: texts, annotations: texts };
  const kinds = { ServiceMonitor: monitor, PrometheusRule: { groups: list({ name: text, rules: list(rule) }) } };
  return Object.entries(kinds).map(([kind, properties]) => {
    const [plural, singular] = [`${kind.toLowerCase()}s`, kind.toLowerCase()];
    const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.monitoring.coreos.com` },
      spec: {
        group: 'monitoring.coreos.com',
        scope: 'Namespaced',
        names: { kind, plural, singular },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    };
  });
}
