import type { PostureContainer, PosturePod } from './read.ts';
import type { FindingCode } from './rules.ts';

/** What was found, and of which container, path or capability; empty for the pod as a whole. */
export type Found = readonly [FindingCode, string];

/** What a pod's own spec gives an intruder; which policies hold it, others know. */
export function podFindings(spec: PosturePod['spec']): Found[] {
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

function unique(found: readonly Found[]): Found[] {
  return found.filter(
    ([code, detail], at) => found.findIndex((other) => other[0] === code && other[1] === detail) === at,
  );
}
