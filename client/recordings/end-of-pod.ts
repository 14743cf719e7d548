import type { EndKind, FlowEnd } from '../events/flow-record.ts';

/** What a flow's source says of one end. Empty texts and 0 where it says nothing. */
export type EndHints = Readonly<{
  namespace: string;
  pod: string;
  /** Name of the owning workload, where the source knows it. */
  workload: string;
  /** Its kind, "Deployment", where the source knows that. */
  workloadKind?: string;
  /** Cilium's security identity. */
  identity: number;
  /** "source:key=value", as Cilium writes them. */
  labels: readonly string[];
}>;

/**
 * Cilium's reserved identities by name and number (pkg/identity/numericidentity.go, "reserved:<name>"). Numbers from 256 on
 * belong to workloads. Where an identity has several names, the first of this list says most of it.
 */
const reserved: readonly (readonly [name: string, identity: number, EndKind, workload: string])[] = [
  ['kube-apiserver', 7, 'control', 'kube-apiserver'],
  ['host', 1, 'host', ''],
  ['remote-node', 6, 'host', 'remote-node'],
  ['ingress', 8, 'control', 'ingress'],
  ['health', 4, 'control', 'health'],
  ['unmanaged', 3, 'unknown', 'unmanaged'],
  ['init', 5, 'unknown', 'init'],
  ['encrypted-overlay', 11, 'host', 'remote-node'],
  ['world', 2, 'world', ''],
  ['world-ipv4', 9, 'world', ''],
  ['world-ipv6', 10, 'world', ''],
];
const reservedByNumber = new Map(reserved.map(([, number, kind, workload]) => [number, { kind, workload }]));
/**
 * Identities that one node gave out for itself carry their scope in the uppermost octet: 1 is for addresses and names that
 * a policy speaks of, 2 for nodes. Their number says so where their labels are missing.
 */
const localScopes: Readonly<Record<number, readonly [EndKind, string]>> = {
  1: ['world', ''],
  2: ['host', 'remote-node'],
};
const nameLabels = ['k8s:app.kubernetes.io/name=', 'k8s:k8s-app=', 'k8s:app='];
const namespaceLabel = 'k8s:io.kubernetes.pod.namespace=';

/** Names an end. A pod says more than an identity: Cilium gives pods that it does not manage the identity of the world. */
export function endOfPod(hints: EndHints): FlowEnd {
  const { identity, labels } = hints;
  const namespace = hints.namespace || labelled(labels, [namespaceLabel]);
  const name = workloadNameOf(hints);
  if (name !== '') return { kind: 'workload', namespace, workload: name };
  const known = reservedByNumber.get(identity) ?? outsideOf(labels, identity);
  if (known !== undefined) return { kind: known.kind, namespace: '', workload: known.workload };
  return { kind: 'unknown', namespace, workload: '' };
}

function workloadNameOf({ pod, workload, workloadKind = '', labels }: EndHints): string {
  if (workload === '') return pod === '' ? labelled(labels, nameLabels) : workloadOfPod(pod);
  // A pod that the kubelet runs by itself belongs to its node and carries its name: "etcd-node-1".
  if (workloadKind === 'Node')
    return pod.endsWith(`-${workload}`) ? pod.slice(0, -workload.length - 1) : pod || workload;
  // Cilium looks for the owner of these; where it was not found, the name still has what the owner added.
  if (workloadKind === 'ReplicaSet') return workload.replace(/-[bcdf-hj-np-tv-z2456789]{5,10}$/, '');
  if (workloadKind === 'Job') return cronJobOf(workload);
  return workload;
}

/**
 * A CronJob's Job carries the time for which it was made behind its name: minutes since 1970, in clusters before 1.21 seconds. A number
 * that is no time at which there were CronJobs is the Job's own: 20261201 and 2026120118 are dates that somebody wrote, and would be
 * minutes of 2008 and seconds of 2034.
 */
export function cronJobOf(job: string): string {
  const [whole = '', digits = ''] = /-(\d{8}|\d{10})$/.exec(job) ?? [];
  const [first, end] = digits.length === 8 ? minutesOfRuns : secondsOfRuns;
  return Number(digits) >= first && Number(digits) < end ? job.slice(0, -whole.length) : job;
}

const years = (from: number, to: number, unitMs: number) =>
  [Date.UTC(from, 0) / unitMs, Date.UTC(to, 0) / unitMs] as const;
const minutesOfRuns = years(2021, 2100, 60_000);
const secondsOfRuns = years(2016, 2030, 1_000);

/** Who is behind an identity that is no pod's: what its labels say, or else the range that its number is from. */
function outsideOf(labels: readonly string[], identity: number) {
  for (const [name, , kind, workload] of reserved) if (labels.includes(`reserved:${name}`)) return { kind, workload };
  if (labels.some((label) => /^(?:cidr|fqdn|cidrgroup):/.test(label))) return { kind: 'world', workload: '' } as const;
  const scope = localScopes[Math.floor(identity / 2 ** 24)];
  return scope === undefined ? undefined : { kind: scope[0], workload: scope[1] };
}

/**
 * A pod's name without what its controller added: "reviews-v1-545db77b95-s6jb8" (Deployment), "node-local-dns-88zrp"
 * (DaemonSet, Job) and "redis-0" (StatefulSet) are reviews-v1, node-local-dns and redis. Kubernetes draws such endings
 * from an alphabet without vowels and look-alikes.
 */
export function workloadOfPod(pod: string): string {
  return pod.replace(/(?:-[a-f0-9]{6,10}|-[bcdf-hj-np-tv-z2456789]{8,10})?-[bcdf-hj-np-tv-z2456789]{5}$|-\d{1,5}$/, '');
}

function labelled(labels: readonly string[], prefixes: readonly string[]): string {
  for (const prefix of prefixes) {
    const label = labels.find((text) => text.startsWith(prefix));
    if (label !== undefined) return label.slice(prefix.length);
  }
  return '';
}
