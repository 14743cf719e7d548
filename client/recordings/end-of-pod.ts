import type { EndKind, FlowEnd } from '../events/flow-record.ts';

/** What a flow's source says of one end. Empty texts and 0 where it says nothing. */
export type EndHints = Readonly<{
  namespace: string;
  pod: string;
  /** Name of the owning workload, where the source knows it. */
  workload: string;
  /** Cilium's security identity. */
  identity: number;
  /** "source:key=value", as Cilium writes them. */
  labels: readonly string[];
}>;

/** Cilium's reserved identities (pkg/identity/numericidentity.go). Numbers from 256 on belong to workloads. */
const reserved: Readonly<Record<number, readonly [EndKind, string]>> = {
  1: ['host', ''],
  2: ['world', ''],
  3: ['unknown', 'unmanaged'],
  4: ['control', 'health'],
  5: ['unknown', 'init'],
  6: ['host', 'remote-node'],
  7: ['control', 'kube-apiserver'],
  8: ['control', 'ingress'],
  9: ['world', ''],
  10: ['world', ''],
};
const nameLabels = ['k8s:app.kubernetes.io/name=', 'k8s:k8s-app=', 'k8s:app='];
const namespaceLabel = 'k8s:io.kubernetes.pod.namespace=';

/** Names an end. A pod says more than an identity: Cilium gives pods that it does not manage the identity of the world. */
export function endOfPod(hints: EndHints): FlowEnd {
  const { pod, workload, identity, labels } = hints;
  const namespace = hints.namespace || labelled(labels, [namespaceLabel]);
  const name = workload || (pod === '' ? labelled(labels, nameLabels) : workloadOfPod(pod));
  if (name !== '') return { kind: 'workload', namespace, workload: name };
  const known = reserved[identity];
  if (known !== undefined) return { kind: known[0], namespace: '', workload: known[1] };
  return { kind: 'unknown', namespace, workload: '' };
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
