/** Objects as the API server writes them, cut down to facts. What is not understood is undefined, and nobody acts on it. */
import { z } from 'zod';
import { lastingFindings } from '../../posture/exposure.ts';
import { imagesOf } from '../../posture/images/pod-images.ts';
import type {
  BudgetFact,
  DeploymentFact,
  NodeFact,
  OwnerRef,
  PodFact,
  ReplicaSetFact,
  Selector,
  StatefulSetFact,
} from './facts.ts';

const texts = z.record(z.string(), z.string()).default({});
const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const owners = z
  .array(
    z.object({
      apiVersion: z.string(),
      kind: z.string(),
      name: z.string(),
      uid: z.string(),
      controller: z.boolean().default(false),
    }),
  )
  .default([]);
const metadata = z.object({
  uid: z.string().min(1),
  name: z.string().min(1),
  namespace: z.string().default(''),
  resourceVersion: z.string().min(1),
  generation: z.number().default(0),
  creationTimestamp: moment,
  deletionTimestamp: z.string().optional(),
  labels: texts,
  annotations: texts,
  ownerReferences: owners,
});
const conditions = z
  .array(
    z.object({
      type: z.string(),
      status: z.string(),
      reason: z.string().default(''),
      lastTransitionTime: moment.nullish(),
    }),
  )
  .default([]);
const controllerStatus = z.object({ observedGeneration: z.number().default(0) });

const containers = z.array(z.object({ name: z.string().default(''), image: z.string().default('') })).default([]);
const pulled = z.array(z.object({ name: z.string(), imageID: z.string().default('') })).default([]);
const pod = z.object({
  metadata,
  spec: z.object({
    nodeName: z.string().default(''),
    hostNetwork: z.boolean().default(false),
    containers,
    initContainers: containers,
    volumes: z.array(z.record(z.string(), z.unknown())).default([]),
  }),
  status: z
    .object({ phase: z.string().default(''), conditions, containerStatuses: pulled, initContainerStatuses: pulled })
    .prefault({}),
});

/** Volumes whose content is lost with the pod, or stays behind on its node. */
const localVolumes = ['emptyDir', 'hostPath', 'ephemeral'];
const mirrorAnnotation = 'kubernetes.io/config.mirror';

export function projectPod(candidate: unknown): PodFact | undefined {
  const parsed = pod.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec, status } = parsed.data;
  const ready = status.conditions.find(({ type }) => type === 'Ready');
  const isReady = ready?.status === 'True';
  const local = spec.volumes.find((volume) => localVolumes.some((kind) => volume[kind] !== undefined));
  return {
    ...{ uid: meta.uid, namespace: meta.namespace, name: meta.name, resourceVersion: meta.resourceVersion },
    node: spec.nodeName,
    labels: meta.labels,
    annotations: Object.fromEntries(Object.entries(meta.annotations).filter(([key]) => key.startsWith('testudo.io/'))),
    owner: ownerOf(meta.ownerReferences),
    phase: status.phase,
    isReady,
    readySinceMs: isReady ? (ready?.lastTransitionTime ?? meta.creationTimestamp) : null,
    createdAtMs: meta.creationTimestamp,
    isDeleting: meta.deletionTimestamp !== undefined,
    isMirror: meta.annotations[mirrorAnnotation] !== undefined,
    isDisrupted: status.conditions.some(({ type, status }) => type === 'DisruptionTarget' && status === 'True'),
    localData: local === undefined ? null : (localVolumes.find((kind) => local[kind] !== undefined) ?? null),
    isHostNetwork: spec.hostNetwork,
    images: imagesOf({ spec, status }).map(({ digest }) => digest),
    exposedBy: lastingFindings((candidate as { spec: unknown }).spec),
  };
}

const replicaSet = z.object({
  metadata,
  spec: z.object({ replicas: z.number().default(1), minReadySeconds: z.number().default(0) }),
  status: controllerStatus.prefault({}),
});

export function projectReplicaSet(candidate: unknown): ReplicaSetFact | undefined {
  const parsed = replicaSet.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec, status } = parsed.data;
  return {
    ...controllerOf(meta, spec.replicas, status.observedGeneration),
    owner: ownerOf(meta.ownerReferences),
    minReadySeconds: spec.minReadySeconds,
    templateHash: meta.labels['pod-template-hash'] ?? null,
  };
}

const deployment = z.object({
  metadata,
  spec: z.object({
    replicas: z.number().default(1),
    paused: z.boolean().default(false),
    strategy: z
      .object({
        type: z.string().default('RollingUpdate'),
        rollingUpdate: z.object({ maxSurge: z.union([z.number(), z.string()]).default('25%') }).nullish(),
      })
      .prefault({}),
  }),
  status: controllerStatus
    .extend({ updatedReplicas: z.number().default(0), availableReplicas: z.number().default(0), conditions })
    .prefault({}),
});

export function projectDeployment(candidate: unknown): DeploymentFact | undefined {
  const parsed = deployment.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec, status } = parsed.data;
  const surge = spec.strategy.rollingUpdate?.maxSurge ?? '25%';
  return {
    ...controllerOf(meta, spec.replicas, status.observedGeneration),
    updatedReplicas: status.updatedReplicas,
    availableReplicas: status.availableReplicas,
    isPaused: spec.paused,
    // A percentage is rounded up by the controller: anything above nothing is a pod.
    canSurge: spec.strategy.type === 'RollingUpdate' && Number.parseFloat(String(surge)) > 0,
    isProgressing: status.conditions.every(({ type, status }) => type !== 'Progressing' || status !== 'False'),
  };
}

const statefulSet = z.object({
  metadata,
  spec: z.object({ replicas: z.number().default(1), minReadySeconds: z.number().default(0) }),
  status: controllerStatus
    .extend({ currentRevision: z.string().default(''), updateRevision: z.string().default('') })
    .prefault({}),
});

export function projectStatefulSet(candidate: unknown): StatefulSetFact | undefined {
  const parsed = statefulSet.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec, status } = parsed.data;
  const { currentRevision, updateRevision } = status;
  return {
    ...controllerOf(meta, spec.replicas, status.observedGeneration),
    ...{ minReadySeconds: spec.minReadySeconds, currentRevision, updateRevision },
  };
}

const selector = z.object({
  matchLabels: texts,
  matchExpressions: z
    .array(z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).default([]) }))
    .default([]),
});
const budget = z.object({
  metadata,
  spec: z.object({ selector: selector.nullish() }),
  status: controllerStatus
    .extend({
      disruptionsAllowed: z.number().default(0),
      currentHealthy: z.number().default(0),
      desiredHealthy: z.number().default(0),
      conditions,
    })
    .prefault({}),
});

export function projectBudget(candidate: unknown): BudgetFact | undefined {
  const parsed = budget.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec, status } = parsed.data;
  const failed = status.conditions.some(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed');
  const { disruptionsAllowed, currentHealthy, desiredHealthy } = status;
  return {
    ...{ uid: meta.uid, namespace: meta.namespace, name: meta.name },
    selector: (spec.selector ?? null) as Selector | null,
    isCurrent: status.observedGeneration === meta.generation && !failed,
    ...{ disruptionsAllowed, currentHealthy, desiredHealthy },
  };
}

const node = z.object({ metadata, spec: z.object({ unschedulable: z.boolean().default(false) }).prefault({}) });

export function projectNode(candidate: unknown): NodeFact | undefined {
  const parsed = node.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata: meta, spec } = parsed.data;
  return { uid: meta.uid, name: meta.name, isCordoned: spec.unschedulable };
}

function controllerOf(meta: z.infer<typeof metadata>, replicas: number, observedGeneration: number) {
  const { uid, namespace, name, generation, deletionTimestamp } = meta;
  return {
    uid,
    namespace,
    name,
    replicas,
    generation,
    observedGeneration,
    isDeleting: deletionTimestamp !== undefined,
  };
}

function ownerOf(references: z.infer<typeof owners>): OwnerRef | null {
  const owner = references.find(({ controller }) => controller);
  if (owner === undefined) return null;
  const { apiVersion, kind, name, uid } = owner;
  return { apiVersion, kind, name, uid };
}
