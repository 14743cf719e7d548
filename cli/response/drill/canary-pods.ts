import { randomBytes } from 'node:crypto';
import type { OperatorsKubectl } from './kubectl.ts';

/** A pod as far as drills look at it. */
export type Pod = Readonly<{
  metadata: Readonly<{
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    deletionTimestamp?: string;
    labels?: Readonly<Record<string, string>>;
    ownerReferences?: readonly Readonly<{ kind: string; name: string; uid: string }>[];
  }>;
  status: Readonly<{
    podIP?: string;
    phase?: string;
    conditions?: readonly Readonly<{ type: string; status: string }>[];
    containerStatuses?: readonly Readonly<{ restartCount: number }>[];
  }>;
}>;

/** The address and whether it is sent to, of each endpoint of a Service. */
export type Slice = Readonly<{
  endpoints?: readonly Readonly<{ addresses: readonly string[]; conditions?: Readonly<{ ready?: boolean }> }>[] | null;
}>;

export const readyMsMax = 120_000;

/** A name that no other drill's objects bear. */
export const drillId = () => `testudo-drill-${randomBytes(4).toString('hex')}`;

/** Made as `restricted` Pod Security wants it. */
export function container(name: string, image: string, script: string) {
  return {
    name,
    image,
    command: ['sh', '-c', script],
    resources: { limits: { cpu: '100m', memory: '32Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 65_532,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

export function podSpec(one: ReturnType<typeof container>) {
  return { automountServiceAccountToken: false, terminationGracePeriodSeconds: 1, containers: [one] };
}

/** A Deployment of one pod, which can have one more while one is replaced. `notes`: annotations of its pods. */
export function workloadOf(id: string, spec: object, notes: Readonly<Record<string, string>> = {}): object {
  const labels = { 'testudo-drill': id };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: id },
    spec: {
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: labels },
      template: { metadata: { labels, annotations: notes }, spec },
    },
  };
}

export function serviceOf(id: string, port: number): object {
  const spec = { selector: { 'testudo-drill': id }, ports: [{ port }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: id }, spec };
}

export async function make(kubectl: OperatorsKubectl, items: readonly object[]): Promise<void> {
  await kubectl.run(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

/** Deletes what was made, by name, also while the drill is being interrupted. Says what stayed; undefined when nothing did. */
export async function unmake(kubectl: OperatorsKubectl, names: readonly string[]): Promise<string | undefined> {
  const ran = await kubectl.undoing.try(['delete', ...names, '--ignore-not-found', '--wait=false']);
  return ran.code === 0 ? undefined : `${names.join(' ')} may be left: ${ran.error.trim().slice(0, 300)}`;
}

export async function podsOf(kubectl: OperatorsKubectl, id: string): Promise<readonly Pod[]> {
  return (await kubectl.json<{ items: readonly Pod[] }>(['get', 'pods', '-l', `testudo-drill=${id}`])).items;
}

/** Addresses that the Service of this name sends to. */
export async function served(kubectl: OperatorsKubectl, id: string): Promise<readonly string[]> {
  const selector = ['-l', `kubernetes.io/service-name=${id}`];
  const { items } = await kubectl.json<{ items: readonly Slice[] }>(['get', 'endpointslices', ...selector]);
  return items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}
