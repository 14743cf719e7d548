import { z } from 'zod';

/** What posture looks at, of pods and NetworkPolicies as the API server writes them. */
const boolean = z.boolean().nullish();
const securityContext = z
  .object({
    privileged: boolean,
    readOnlyRootFilesystem: boolean,
    allowPrivilegeEscalation: boolean,
    runAsNonRoot: boolean,
    runAsUser: z.number().nullish(),
    capabilities: z.object({ add: z.array(z.string()).default([]) }).nullish(),
  })
  .nullish();
const container = z.object({
  name: z.string(),
  image: z.string().default(''),
  securityContext,
  resources: z.object({ limits: z.record(z.string(), z.unknown()).default({}) }).prefault({}),
  volumeMounts: z.array(z.object({ name: z.string() })).default([]),
});
const metadata = z.object({
  name: z.string(),
  namespace: z.string().default('default'),
  labels: z.record(z.string(), z.string()).default({}),
  ownerReferences: z
    .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().default(false) }))
    .default([]),
});
const spec = z.object({
  hostNetwork: boolean,
  hostPID: boolean,
  hostIPC: boolean,
  securityContext: z.object({ runAsNonRoot: boolean, runAsUser: z.number().nullish() }).nullish(),
  containers: z.array(container).default([]),
  initContainers: z.array(container).default([]),
  volumes: z
    .array(
      z.object({
        name: z.string(),
        hostPath: z.object({ path: z.string() }).nullish(),
        projected: z.object({ sources: z.array(z.record(z.string(), z.unknown())).default([]) }).nullish(),
      }),
    )
    .default([]),
});
const statuses = z.array(z.object({ name: z.string(), imageID: z.string().default('') })).default([]);
const status = z.object({ containerStatuses: statuses, initContainerStatuses: statuses }).prefault({});
const pod = z.object({ kind: z.literal('Pod'), metadata, spec, status });
/** A key of YAML with nothing behind it is null, and means to the server what none does. */
const listed = z
  .array(z.unknown())
  .nullish()
  .transform((all) => all ?? []);
const policy = z.object({
  kind: z.literal('NetworkPolicy'),
  metadata,
  spec: z
    .object({
      podSelector: z
        .object({
          matchLabels: z.record(z.string(), z.string()).default({}),
          matchExpressions: z
            .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).default([]) }))
            .default([]),
        })
        .prefault({}),
      policyTypes: listed.pipe(z.array(z.string())),
      ingress: listed,
      egress: listed,
    })
    .transform(({ podSelector, policyTypes, ingress, egress }) => ({
      podSelector,
      // As the server defaults it where nothing is said: a manifest that it never saw says nothing, as a rule.
      policyTypes: policyTypes.length > 0 ? policyTypes : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])],
      ingressRules: ingress.length,
      egressRules: egress.length,
    })),
});

export type PosturePod = z.infer<typeof pod>;
export type PostureContainer = z.infer<typeof container>;
export type PosturePolicy = z.infer<typeof policy>;

/** The spec of one pod as the API server writes it; undefined for what is none. */
export function readSpec(candidate: unknown): PosturePod['spec'] | undefined {
  const parsed = spec.safeParse(candidate);
  return parsed.success ? parsed.data : undefined;
}

/** One pod as the API server writes it, in a list too; undefined for what is none. */
export function readPod(candidate: unknown): Omit<PosturePod, 'kind'> | undefined {
  const parsed = pod.omit({ kind: true }).safeParse(candidate);
  return parsed.success ? parsed.data : undefined;
}

/** One policy as the API server writes it, in a list too; undefined for what is none. */
export function readPolicy(candidate: unknown): Omit<PosturePolicy, 'kind'> | undefined {
  const parsed = policy.omit({ kind: true }).safeParse(candidate);
  return parsed.success ? parsed.data : undefined;
}

/** The pods and policies among any objects, such as those of `kubectl get pods,networkpolicies -A -o json`. */
export function readObjects(
  objects: readonly unknown[],
): Readonly<{ pods: readonly PosturePod[]; policies: readonly PosturePolicy[] }> {
  const pods: PosturePod[] = [];
  const policies: PosturePolicy[] = [];
  for (const object of objects) {
    const asPod = pod.safeParse(object);
    if (asPod.success) pods.push(asPod.data);
    const asPolicy = asPod.success ? undefined : policy.safeParse(object);
    if (asPolicy?.success === true) policies.push(asPolicy.data);
  }
  return { pods, policies };
}
