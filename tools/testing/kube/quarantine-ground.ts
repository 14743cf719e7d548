import { createHash } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { relayedFile } from '../../../client/response/testing/signed-policy.ts';
import { firstResponsePolicy, type ResponsePolicy } from '../../../proto/response-policy.ts';
import { agentAccount, apply, deploymentOf } from './agent-account.ts';
import type { Kubectl } from './kubectl.ts';
import { agentSettings } from './start-agent.ts';

type Pod = Readonly<{
  metadata: Readonly<{
    name: string;
    uid: string;
    labels: Record<string, string>;
    annotations?: Record<string, string>;
    creationTimestamp?: string;
  }>;
  status: Readonly<{ podIP?: string; conditions?: readonly Readonly<{ type: string; status: string }>[] }>;
}>;

/** A policy under which two alerts of two tracks are enough. */
export function enforcing(change: Partial<ResponsePolicy> = {}): ResponsePolicy {
  const first = firstResponsePolicy(Date.now());
  return { ...first, level: 'enforce', evidence: { ...first.evidence, falseActionsPerDay: 10 }, ...change };
}

/** The same, bounded by nothing that a test does: it may quarantine a thousand pods. */
export function unbounded(): ResponsePolicy {
  const ample = { hour: 1_000, day: 1_000 };
  const budgets = { workload: ample, namespace: ample, cluster: ample };
  return enforcing({ budgets, breaker: { withinMs: 60_000, workloadsMax: 9, podShareMax: 1 } });
}

/** What an agent quarantines by, in a folder that is there: a signed policy, a file without an alert yet, and settings that name both. */
export async function quarantineFiles(folder: string, policy: ResponsePolicy | undefined) {
  const [releases, alerts] = [join(folder, 'releases.json'), join(folder, 'alerts.jsonl')];
  await writeFile(releases, relayedFile(policy, Date.now()));
  await writeFile(alerts, '');
  const settings = (cap = 'enforce') => [
    ...['quarantine.cluster=eu-1', `quarantine.cap=${cap}`, `quarantine.releases=${releases}`],
    `quarantine.alerts=[${alerts}]`,
  ];
  return { releases, alerts, settings };
}

/** The chart's: what a pod in quarantine stands under. */
export const denyAll = (namespace: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'testudo-quarantine', namespace },
  spec: { podSelector: { matchLabels: { 'testudo.io/quarantined': 'true' } }, policyTypes: ['Ingress', 'Egress'] },
});

/** One alert of each track of a pod of `web`, now, as a client writes them. */
export function alertLines(namespace: string, pod: string, tracks: readonly string[], text: string): string {
  const at = new Date().toISOString();
  const lines = tracks.map((track) => {
    const id = `a-${createHash('sha256').update(`${track}${pod}${at}`).digest('hex').slice(0, 16)}`;
    const subject = { namespace, workload: 'web', workloadClass: 'web', pod };
    return `${JSON.stringify({ id, at, track, modelVersion: 3, score: 4, threshold: 2, subject, text, labels: [], detail: {} })}\n`;
  });
  return lines.join('');
}

/** A namespace with a served workload of three, a signed policy, and everything that an agent needs to act in it. */
export async function quarantineGround(kubectl: Kubectl, policy: ResponsePolicy | undefined) {
  const { namespace, folder, kubernetes } = await agentAccount(kubectl);
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  };
  await apply(kubectl, [deploymentOf({ name: 'web', namespace, replicas: 3 }), service, denyAll(namespace)]);
  const { releases, alerts, settings } = await quarantineFiles(folder, policy);
  const sign = (to: ResponsePolicy | undefined, version: number, by?: readonly number[]) =>
    writeFileAtomic(releases, relayedFile(to, Date.now(), { version, ...(by === undefined ? {} : { by }) }));
  const pods = async () => (await kubectl.json<{ items: Pod[] }>(['-n', namespace, 'get', 'pods'])).items;
  const isReady = ({ status }: Pod) =>
    status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  const until = async <Value>(look: () => Promise<Value | undefined | false>): Promise<Value> => {
    for (;;) {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    ...{ namespace, folder, sign, pods, until },
    /** Settings of an agent that acts here. */
    settings: (holder: string, cap?: string) => [
      ...agentSettings({ namespace, folder, kubernetes }, holder),
      ...settings(cap),
    ],
    ready: (count: number) =>
      until(async () => {
        const all = (await pods()).filter((pod) => isReady(pod) && pod.metadata.labels.app === 'web');
        return all.length === count && all;
      }),
    /** One alert of each track of a pod, as a client writes them. */
    alert: async (
      pod: string,
      tracks: readonly string[] = ['syscall', 'flow'],
      text = `${pod} did what it never did`,
    ) => {
      // An alert of a pod's first second may be of the one before it, and counts for nobody.
      await until(async () => {
        const { creationTimestamp = '' } = (await pods()).find(({ metadata }) => metadata.name === pod)?.metadata ?? {};
        return Date.now() >= Date.parse(creationTimestamp) + 1_000;
      });
      await appendFile(alerts, alertLines(namespace, pod, tracks, text));
    },
    /** Addresses that the Service sends to. */
    served: async () => {
      const { items } = await kubectl.json<{ items: { endpoints: { addresses: string[] }[] | null }[] }>([
        ...['-n', namespace, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=web'],
      ]);
      return items.flatMap(({ endpoints }) => (endpoints ?? []).flatMap(({ addresses }) => addresses));
    },
    podOf: async (name: string) => (await pods()).find(({ metadata }) => metadata.name === name),
  };
}
