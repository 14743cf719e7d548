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
  IMAGE_UNSIGNED: rule(
    2,
    'runs an image that none of the given keys has signed',
    'an image whose digest is signed, with its signature in the layout that is looked in',
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
  IMAGE_UNKNOWN: rule(
    1,
    'runs an image of which nobody knows whether it is signed: its digest lies in none of the given layouts',
    'a copy of the image with its signatures in a layout that is looked in',
  ),
} as const satisfies Readonly<Record<string, Rule>>;

export type FindingCode = keyof typeof postureRules;

function rule<W extends Weight>(weight: W, what: string, fix: string) {
  return { weight, what, fix };
}
