import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { unwrap } from '../../base/fault.ts';
import { parseClientConfig } from '../../client/config.ts';
import type { KubeRequest } from '../../client/kube/request.ts';
import { parseAgentConfig } from '../../client/response/agent-config.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { accessAs, apply, deploymentOf, sendWith } from '../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { makeVolumes } from '../../tools/testing/kube/volumes.ts';
import { images } from '../images/images.ts';

const chart = join(checkout, 'deploy', 'chart', 'testudo');
type Rendered = Readonly<{
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec: { template: { spec: PodSpec }; ingress?: unknown[]; egress?: unknown[] };
}>;
type PodSpec = Readonly<{ affinity?: object; volumes: readonly Readonly<Record<string, unknown>>[] }>;
type Pod = Readonly<{ metadata: { name: string; uid: string; resourceVersion: string } }>;

describe("the chart's agent", () => {
  const kubectl = new Kubectl();
  const render = async (agent: object, namespace = 'apart', rest: object = {}) =>
    kubectl.helm(
      ['template', 'testudo', chart, '--namespace', namespace, '--values', '-'],
      JSON.stringify({ agent, ...rest }),
    );
  const documentsOf = (text: string) => parseAllDocuments(text).map((one) => one.toJS() as Rendered);
  const configOf = async (agent: object, rest: object = {}) => {
    const documents = documentsOf(await render(agent, 'apart', rest));
    const text = documents.find(({ data }) => data?.['agent.yaml'] !== undefined)?.data?.['agent.yaml'] ?? '';
    return parseAgentConfig({ file: { path: '/etc/testudo/agent/agent.yaml', text } });
  };

  it('is off unless asked for, and is refused without a namespace to act in', async () => {
    const off = parseAllDocuments(await render({ namespaces: ['shop'] })).map(
      (one) => one.toJS() as { metadata?: { name: string } },
    );
    expect(off.filter((one) => one?.metadata?.name.includes('agent'))).toEqual([]);
    const ended = await kubectl.try(
      'helm',
      ['template', 't', chart, '--values', '-'],
      JSON.stringify({ agent: { enabled: true } }),
    );
    expect(ended.error).toContain("'/agent/namespaces': minItems");
  });

  it('configures an agent that takes it, and one that may not act never does, whatever its settings say', async () => {
    const wanted = {
      enabled: true,
      namespaces: ['shop'],
      config: { rotation: { mode: 'rotate', maxLifetimeMinutes: 60 } },
    };
    expect(await configOf({ ...wanted, mayAct: true })).toMatchObject({
      ok: true,
      value: {
        namespaces: ['shop'],
        lease: { namespace: 'apart', name: 'testudo-agent' },
        rotation: { mode: 'rotate', maxLifetimeMinutes: 60 },
      },
    });
    expect(await configOf(wanted)).toMatchObject({ ok: true, value: { rotation: { mode: 'observe' } } });
    expect(images.sensor.verbs).toContain('agent');
  });

  it('is given keys and layouts where it is to say whether images are signed, and refuses one without the other', async () => {
    const images = { keysConfigMap: 'image-keys', claimName: 'images', layouts: ['web', 'db'] };
    const agent = { enabled: true, namespaces: ['shop'], images };
    expect(await configOf(agent)).toMatchObject({
      ok: true,
      value: { images: { keys: ['/etc/testudo/image-keys'], layouts: ['/var/lib/images/web', '/var/lib/images/db'] } },
    });
    const set = documentsOf(await render(agent)).find(({ kind }) => kind === 'StatefulSet');
    const volumes = set?.spec.template.spec.volumes.map(({ name }) => name);
    expect(volumes).toEqual(['tmp', 'config', 'image-keys', 'images']);
    await expect(render({ ...agent, images: { ...images, claimName: '' } })).rejects.toThrow('agent.images.claimName');
  });

  it('hears of alerts from the hub by an account of its own, or reads the volume where there is no hub', async () => {
    const quarantine = { enabled: true, cluster: 'eu-1' };
    const agent = { enabled: true, namespaces: ['shop'], quarantine, config: { quarantine: { cap: 'ask' } } };
    const client = { enabled: true, coordinator: { addresses: ['c.example:7442'] } };
    const hub = { ...client, hub: { enabled: true } };
    const named = (documents: readonly Rendered[], kind: string, name: string) =>
      documents.find((one) => one?.kind === kind && one.metadata.name === name) as Rendered;
    const reading = documentsOf(await render(agent, 'apart', { client }));
    const linked = documentsOf(await render(agent, 'apart', { client: hub }));
    const volumes = (documents: readonly Rendered[]) => {
      const { affinity, volumes: all } = named(documents, 'StatefulSet', 'testudo-agent').spec.template.spec;
      return [affinity !== undefined, ...all.map(({ name }) => name)];
    };
    expect(volumes(reading)).toEqual([true, 'tmp', 'config', 'client']);
    expect(volumes(linked)).toEqual([false, 'tmp', 'config', 'hub-token', 'hub-authority']);
    expect(await configOf(agent, { client })).toMatchObject({
      value: { quarantine: { cap: 'observe', alerts: ['/var/lib/testudo-client/data/alerts.jsonl'] } },
    });
    const config = await configOf({ ...agent, mayAct: true }, { client: hub });
    expect(config).toMatchObject({
      ok: true,
      value: {
        hub: { address: { text: 'testudo-client.apart.svc:7451' }, tokenFile: '/etc/testudo/hub-token/token' },
        quarantine: { cap: 'ask', cluster: 'eu-1', alerts: [] },
      },
    });
    // The hub takes the agent's account for the agent's, and its port is open to the agent's pods.
    const text = named(linked, 'ConfigMap', 'testudo-client').data?.['client.yaml'] ?? '';
    const parsed = parseClientConfig({ file: { path: '/etc/testudo/client/client.yaml', text } });
    expect(parsed).toMatchObject({
      value: {
        hub: {
          admission: { serviceAccount: 'apart/testudo-sensor', agentServiceAccount: 'apart/testudo-agent' },
        },
      },
    });
    const pods = (name: string, way: 'ingress' | 'egress') =>
      JSON.stringify(named(linked, 'NetworkPolicy', name).spec[way]);
    expect(pods('testudo-client', 'ingress')).toContain('"app.kubernetes.io/component":"agent"');
    expect(pods('testudo-agent', 'egress')).toContain('"app.kubernetes.io/component":"client"');
    // A quarantined pod bears one label: in the namespace where the agent may act, nothing reaches it and it reaches nothing.
    const acting = documentsOf(await render({ ...agent, mayAct: true }, 'apart', { client: hub }));
    expect(named(acting, 'NetworkPolicy', 'testudo-quarantine')).toMatchObject({
      metadata: { namespace: 'shop' },
      spec: { podSelector: { matchLabels: { 'testudo.io/quarantined': 'true' } }, policyTypes: ['Ingress', 'Egress'] },
    });
    expect(named(acting, 'NetworkPolicy', 'testudo-quarantine').spec).not.toHaveProperty('egress');
    expect(named(linked, 'NetworkPolicy', 'testudo-quarantine')).toBeUndefined();
  });

  it('is admitted under restricted, has the rights it needs and no others, and is gone again', async () => {
    const namespace = await kubectl.namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const shop = await kubectl.namespace();
    await makeVolumes(kubectl, 1);
    const agent = { enabled: true, namespaces: [shop], mayAct: true, config: { rotation: { mode: 'rotate' } } };
    const helm = (verb: readonly string[], values?: object) =>
      kubectl.helm(
        [...verb, '--namespace', namespace, ...(values === undefined ? [] : ['--values', '-'])],
        JSON.stringify(values ?? {}),
      );
    await kubectl.run(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], await render(agent, namespace));
    await helm(['install', 'testudo', chart], { agent });
    await kubectl.run(['-n', namespace, 'rollout', 'status', 'statefulset/testudo-agent', '--timeout=10m']);
    const account = `system:serviceaccount:${namespace}:testudo-agent`;
    const rights = async (where: string, as: string) => {
      const listed = await kubectl.run(['-n', where, 'auth', 'can-i', '--list', '--no-headers', `--as=${as}`]);
      return listed
        .split('\n')
        .map((line) => line.replaceAll(/\s+/g, ' ').trim())
        .filter(Boolean)
        .sort();
    };
    const bare = await rights(shop, `system:serviceaccount:${shop}:default`);
    const own = async (where: string) => (await rights(where, account)).filter((right) => !bare.includes(right));
    const nodes = 'nodes [] [] [list watch]';
    // The API server hears of roles, and of their end, a moment later.
    await expect
      .poll(() => own(shop))
      .toEqual(
        [
          'deployments.apps [] [] [list watch]',
          nodes,
          'pods [] [] [list watch patch]',
          'pods/eviction [] [] [create]',
          'poddisruptionbudgets.policy [] [] [list watch]',
          'replicasets.apps [] [] [list watch]',
          'statefulsets.apps [] [] [list watch]',
        ].sort(),
      );
    await expect
      .poll(() => own(namespace))
      .toEqual([
        'leases.coordination.k8s.io [] [] [create]',
        'leases.coordination.k8s.io [] [testudo-agent] [get update]',
        nodes,
      ]);
    expect(await own('default')).toEqual([nodes]);
    await helm(['upgrade', 'testudo', chart], { agent: { ...agent, mayAct: false } });
    await expect.poll(async () => (await own(shop)).filter((right) => /patch|create/.test(right))).toEqual([]);
    await helm(['uninstall', 'testudo', '--wait']);
    await expect.poll(() => own(shop)).toEqual([]);
  });

  it('leaves the policy that pods in quarantine stand under where it may act no more, and where the release is gone', async () => {
    const [namespace, shop, other] = [await kubectl.namespace(), await kubectl.namespace(), await kubectl.namespace()];
    const quarantine = { enabled: true, cluster: 'eu-1' };
    const agent = { enabled: true, namespaces: [shop], mayAct: true, quarantine };
    const client = { enabled: true, coordinator: { addresses: ['testudo.example.org:7442'] }, hub: { enabled: true } };
    const helm = (verb: readonly string[], over: object = {}) =>
      kubectl.helm(
        [...verb, '--namespace', namespace, ...(verb[0] === 'uninstall' ? [] : ['--values', '-'])],
        JSON.stringify({ client, agent: { ...agent, ...over } }),
      );
    const stands = async (where: string) =>
      (await kubectl.run(['-n', where, 'get', 'networkpolicy', '-o', 'name'])).trim();
    const policy = 'networkpolicy.networking.k8s.io/testudo-quarantine';
    await helm(['install', 'testudo', chart]);
    expect(await stands(shop)).toBe(policy);
    await helm(['upgrade', 'testudo', chart], { mayAct: false });
    expect(await stands(shop)).toBe(policy);
    await helm(['upgrade', 'testudo', chart], { namespaces: [other] });
    expect([await stands(shop), await stands(other)]).toEqual([policy, policy]);
    await helm(['uninstall', 'testudo', '--wait']);
    expect([await stands(shop), await stands(other)]).toEqual([policy, policy]);
    await helm(['install', 'testudo', chart]);
    expect(await stands(shop)).toBe(policy);
  });

  it('may write its own labels and annotations on a pod and nothing else, and evicts by uid and with its own time alone', async () => {
    const namespace = await kubectl.namespace();
    const shop = await kubectl.namespace();
    await makeVolumes(kubectl, 1);
    const agent = { enabled: true, namespaces: [shop], mayAct: true };
    await kubectl.helm(
      ['install', 'testudo', chart, '--namespace', namespace, '--values', '-'],
      JSON.stringify({ agent }),
    );
    await apply(kubectl, [deploymentOf({ name: 'web', namespace: shop })]);
    await kubectl.run(['-n', shop, 'rollout', 'status', 'deployment/web', '--timeout=10m']);
    const folder = await mkdtemp(join(tmpdir(), 'testudo-agent-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const send = sendWith(await accessAs(kubectl, namespace, 'testudo-agent', folder));
    const { items } = await kubectl.json<{ items: Pod[] }>(['-n', shop, 'get', 'pods']);
    const { metadata } = items[0] as Pod;
    const path = `/api/v1/namespaces/${shop}/pods/${metadata.name}`;
    const said = async (request: KubeRequest) => {
      const { status, text } = unwrap(await send(request));
      return { status, text };
    };
    // Without a version as a condition: what is tried here may be tried by whoever has the token.
    const patch = (body: object) => said({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
    const evict = (deleteOptions: object) => {
      const meta = { name: metadata.name, namespace: shop };
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: meta, deleteOptions };
      return said({ method: 'POST', path: `${path}/eviction`, body });
    };
    // A policy is in force some moments after it was made: until then an image is changed, and each try needs another one.
    const refusedFor = async (act: (tries: number) => Promise<{ text: string }>, why: string) => {
      let text = '';
      for (let tries = 0; !text.includes(why); tries += 1) text = (await act(tries)).text;
    };
    const imageOf = (tries: number) => ({ spec: { containers: [{ name: 'c', image: `evil:${tries}` }] } });
    await refusedFor((tries) => patch(imageOf(tries)), 'may not change what a pod runs');
    // A uid that is nobody's: until the policy is in force this is refused for another reason.
    const nobody = { uid: '00000000-0000-0000-0000-000000000000' };
    await refusedFor(() => evict({ gracePeriodSeconds: 0, preconditions: nobody }), 'its own time');
    expect((await evict({})).text).toContain('by its uid');
    expect((await patch({ metadata: { labels: { app: 'elsewhere' } } })).text).toContain('labels of its own');
    expect((await patch({ metadata: { annotations: { 'kubectl.kubernetes.io/x': 'y' } } })).text).toContain(
      'annotations of its own',
    );
    expect((await patch({ metadata: { finalizers: ['testudo.io/stay'] } })).text).toContain('hold up its end');
    expect((await patch({ metadata: { ownerReferences: null } })).text).toContain('another owner');
    expect((await evict({ gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } })).text).toContain(
      'its own time',
    );
    const ours = {
      labels: { 'testudo.io/rotating': 'x', 'pod-template-hash': null },
      annotations: { 'testudo.io/rotation': '{}' },
    };
    expect(await patch({ metadata: ours })).toMatchObject({ status: 200 });
    expect(await evict({ preconditions: { uid: metadata.uid } })).toMatchObject({ status: 201 });
  });
});
