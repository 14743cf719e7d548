import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemTimers } from '../../../base/system-timers.ts';
import { KubeEndpoint } from '../../../client/kube/endpoint.ts';
import { type Send, sendTo } from '../../../client/response/cluster/send.ts';
import type { KubeObject } from './admin-calls.ts';
import type { Kubectl } from './kubectl.ts';

/** All that the agent may do in a namespace where it acts. The chart renders the same; `install.kube.test.ts` holds it to that. */
const rules = [
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch', 'patch'] },
  { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
  { apiGroups: ['apps'], resources: ['replicasets', 'deployments', 'statefulsets'], verbs: ['list', 'watch'] },
  // Not the agent's: what the tests look at with its account.
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  { apiGroups: ['policy'], resources: ['poddisruptionbudgets'], verbs: ['list', 'watch'] },
  // What stands in evidence, and what decides whether a pod in quarantine is isolated.
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
];

/** Makes the account `agent` in a namespace, and gives it there what the agent needs. */
export async function grantAgent(kubectl: Kubectl, namespace: string): Promise<void> {
  const meta = { name: 'agent', namespace };
  const subjects = [{ kind: 'ServiceAccount', ...meta }];
  const roleRef = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });
  const rbac = 'rbac.authorization.k8s.io/v1';
  const nodes = { name: `agent-nodes-${namespace}` };
  await apply(kubectl, [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta },
    { apiVersion: rbac, kind: 'Role', metadata: meta, rules },
    { apiVersion: rbac, kind: 'RoleBinding', metadata: meta, subjects, roleRef: roleRef('Role', 'agent') },
    {
      ...{ apiVersion: rbac, kind: 'ClusterRole', metadata: nodes },
      rules: [{ apiGroups: [''], resources: ['nodes'], verbs: ['list', 'watch'] }],
    },
    {
      ...{ apiVersion: rbac, kind: 'ClusterRoleBinding', metadata: nodes, subjects },
      roleRef: roleRef('ClusterRole', nodes.name),
    },
  ]);
}

/** Makes a namespace of this name, and in it the account `agent` with what the agent needs. How that reaches the API server. */
export async function agentNamespace(kubectl: Kubectl, namespace: string, folder: string) {
  await kubectl.run(['create', 'namespace', namespace]);
  await grantAgent(kubectl, namespace);
  return await accessAs(kubectl, namespace, 'agent', folder);
}

/** A namespace, and an account that may do there what the agent needs; removed when the test ends. */
export async function agentAccount(kubectl: Kubectl) {
  const namespace = await kubectl.namespace();
  const folder = await mkdtemp(join(tmpdir(), 'testudo-agent-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await grantAgent(kubectl, namespace);
  const kubernetes = await accessAs(kubectl, namespace, 'agent', folder);
  return { namespace, folder, kubernetes, send: () => sendWith(kubernetes) };
}

/** How a ServiceAccount reaches the API server from here. */
export async function accessAs(kubectl: Kubectl, namespace: string, account: string, folder: string) {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, await kubectl.run(['-n', namespace, 'create', 'token', account, '--duration=24h']));
  return {
    apiServer: new URL(kubectl.address.url).host,
    tokenFile,
    authorityFile: join(kubectl.address.folder, 'pki', 'ca.crt'),
  };
}

/** What an agent sends with, for tests that need no whole agent. */
export function sendWith(access: Awaited<ReturnType<typeof accessAs>>): Send {
  const stopping = new AbortController();
  const endpoint = new KubeEndpoint(access);
  onTestFinished(() => {
    stopping.abort();
    endpoint.close();
  });
  return sendTo(endpoint, systemTimers, stopping.signal);
}

export async function apply(kubectl: Kubectl, objects: readonly KubeObject[]): Promise<void> {
  await kubectl.create(objects);
}

type Workload = Readonly<{ name: string; namespace: string; replicas?: number; strategy?: object; volumes?: object[] }>;

/** A Deployment whose pods kwok makes ready. */
export function deploymentOf({ name, namespace, replicas = 1, strategy, volumes = [] }: Workload) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      ...(strategy === undefined ? {} : { strategy }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { volumes, automountServiceAccountToken: false, containers: [{ name: 'c', image: `${name}:1` }] },
      },
    },
  };
}

export function budgetOf(name: string, namespace: string, spec: object) {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { selector: { matchLabels: { app: name } }, ...spec },
  };
}

export function statefulSetOf({ name, namespace, replicas = 1 }: Workload) {
  const { template, selector } = deploymentOf({ name, namespace }).spec;
  const spec = { replicas, serviceName: name, selector, template };
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name, namespace }, spec };
}

export function serviceOf(name: string, namespace: string) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ port: 80 }] },
  };
}
