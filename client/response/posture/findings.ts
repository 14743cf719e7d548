import { selects } from '../cluster/selector.ts';
import type { PostureContainer, PosturePod, PosturePolicy } from './read.ts';

/** How far an intruder gets with it: 3 to the node, 2 to what the pod should not reach, 1 it makes his life easier. */
export type Weight = 1 | 2 | 3;

type Rule = Readonly<{ weight: Weight; what: string; fix: string }>;

/** Every finding there is: what it means, and what to write instead. */
export const postureRules = {
  PRIVILEGED: rule(3, 'runs privileged: root in it is root on the node', 'securityContext.privileged: false'),
  HOST_PATH: rule(
    3,
    "mounts a path of the node's",
    'a volume of its own (emptyDir, PersistentVolumeClaim) in the place of hostPath',
  ),
  HOST_PID: rule(3, "sees the node's processes", 'remove hostPID'),
  HOST_NETWORK: rule(
    3,
    "is on the node's network: no NetworkPolicy holds it, and it cannot be isolated",
    'remove hostNetwork',
  ),
  HOST_IPC: rule(3, "shares the node's memory segments", 'remove hostIPC'),
  CAPABILITY_ADDED: rule(
    3,
    'has a capability added',
    'securityContext.capabilities: {drop: [ALL]}, and add back NET_BIND_SERVICE at most',
  ),
  RUNS_AS_ROOT: rule(2, 'may run as root', 'securityContext: {runAsNonRoot: true, runAsUser: 10001}'),
  ESCALATION: rule(2, 'may gain more rights than it began with', 'securityContext.allowPrivilegeEscalation: false'),
  TOKEN_MOUNTED: rule(
    2,
    "holds a token for the API server, good until the pod's object is gone",
    'automountServiceAccountToken: false, unless it speaks to the API server',
  ),
  NO_INGRESS_POLICY: rule(
    2,
    'no NetworkPolicy says who may reach it',
    'a NetworkPolicy of type Ingress that selects it and names its callers',
  ),
  NO_EGRESS_POLICY: rule(
    2,
    'no NetworkPolicy says what it may reach',
    'a NetworkPolicy of type Egress that selects it and names what it calls, with DNS',
  ),
  WRITABLE_ROOT: rule(
    1,
    'can write to its own root: tools stay where they are dropped',
    'securityContext.readOnlyRootFilesystem: true, and an emptyDir where it writes',
  ),
  NO_MEMORY_LIMIT: rule(1, 'has no memory limit: it can take the node from its neighbours', 'resources.limits.memory'),
  NO_CPU_LIMIT: rule(1, 'has no CPU limit', 'resources.limits.cpu'),
  TAG_MUTABLE: rule(
    1,
    'runs an image by a tag: what is behind it may change',
    'the image by its digest: NAME@sha256:…',
  ),
} as const satisfies Readonly<Record<string, Rule>>;

export type FindingCode = keyof typeof postureRules;

/** One thing about one workload's pods. */
export type Finding = Readonly<{
  code: FindingCode;
  namespace: string;
  workload: string;
  /** Of which container, path or capability; empty for the pod as a whole. */
  detail: string;
  /** Pods of the workload that have it. */
  pods: number;
}>;

/** Everything found, the gravest first; of pods that are alike once. Pure: two looks at the same objects say the same. */
export function findingsOf(pods: readonly PosturePod[], policies: readonly PosturePolicy[]): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const pod of pods) {
    const [namespace, workload] = [pod.metadata.namespace, workloadOf(pod)];
    for (const [code, detail] of [...ofPod(pod), ...ofPolicies(pod, policies)]) {
      const key = JSON.stringify([code, namespace, workload, detail]);
      const before = found.get(key)?.pods ?? 0;
      found.set(key, { code, namespace, workload, detail, pods: before + 1 });
    }
  }
  const codes = Object.keys(postureRules);
  return [...found.values()].sort(
    (a, b) =>
      postureRules[b.code].weight - postureRules[a.code].weight ||
      compare(a.namespace, b.namespace) ||
      compare(a.workload, b.workload) ||
      codes.indexOf(a.code) - codes.indexOf(b.code) ||
      compare(a.detail, b.detail),
  );
}

type Found = readonly [FindingCode, string];

function ofPod({ spec }: PosturePod): Found[] {
  const all = [...spec.initContainers, ...spec.containers];
  const mounted = new Set(all.flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)));
  const found: Found[] = [];
  if (spec.hostNetwork === true) found.push(['HOST_NETWORK', '']);
  if (spec.hostPID === true) found.push(['HOST_PID', '']);
  if (spec.hostIPC === true) found.push(['HOST_IPC', '']);
  for (const { name, hostPath, projected } of spec.volumes) {
    if (!mounted.has(name)) continue;
    if (hostPath) found.push(['HOST_PATH', hostPath.path]);
    if (projected?.sources.some((source) => source.serviceAccountToken !== undefined)) {
      found.push(['TOKEN_MOUNTED', '']);
    }
  }
  return [...unique(found), ...all.flatMap((one) => ofContainer(one, spec.securityContext ?? {}))];
}

function ofContainer(
  { name, image, securityContext, resources }: PostureContainer,
  ofPod: NonNullable<PosturePod['spec']['securityContext']>,
): Found[] {
  const own = securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser;
  const isNonRoot = own.runAsNonRoot ?? ofPod.runAsNonRoot;
  const added = (own.capabilities?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE');
  const is: readonly (readonly [FindingCode, boolean])[] = [
    ['PRIVILEGED', own.privileged === true],
    ['RUNS_AS_ROOT', user === 0 || (user === undefined && isNonRoot !== true) || (user === null && isNonRoot !== true)],
    ['ESCALATION', own.allowPrivilegeEscalation !== false],
    ['WRITABLE_ROOT', own.readOnlyRootFilesystem !== true],
    ['NO_MEMORY_LIMIT', resources.limits.memory === undefined],
    ['NO_CPU_LIMIT', resources.limits.cpu === undefined],
    ['TAG_MUTABLE', !/@sha256:[0-9a-f]{64}$/.test(image)],
  ];
  const found: Found[] = is.flatMap(([code, holds]) => (holds ? [[code, name] as const] : []));
  return [...found, ...added.map((capability) => ['CAPABILITY_ADDED', `${name}: ${capability}`] as const)];
}

function ofPolicies(pod: PosturePod, policies: readonly PosturePolicy[]): Found[] {
  if (pod.spec.hostNetwork === true) return []; // None would hold it.
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pod.metadata.namespace && selects(spec.podSelector, pod.metadata.labels),
  );
  const covers = (type: string) => selecting.some(({ spec }) => spec.policyTypes.includes(type));
  return [
    ...(covers('Ingress') ? [] : [['NO_INGRESS_POLICY', ''] as const]),
    ...(covers('Egress') ? [] : [['NO_EGRESS_POLICY', ''] as const]),
  ];
}

function workloadOf({ metadata }: PosturePod): string {
  const owner = metadata.ownerReferences.find(({ controller }) => controller);
  const hash = metadata.labels['pod-template-hash'];
  if (owner === undefined) return metadata.name;
  const isHashed = owner.kind === 'ReplicaSet' && hash !== undefined && owner.name.endsWith(`-${hash}`);
  return isHashed ? owner.name.slice(0, -hash.length - 1) : owner.name;
}

function unique(found: readonly Found[]): Found[] {
  return found.filter(
    ([code, detail], at) => found.findIndex((other) => other[0] === code && other[1] === detail) === at,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function rule<W extends Weight>(weight: W, what: string, fix: string) {
  return { weight, what, fix };
}
