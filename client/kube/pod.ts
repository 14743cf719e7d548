import { z } from 'zod';
import type { EpochMs } from '../../base/time.ts';
import { type LastingCode, lastingFindings } from '../posture/exposure.ts';
import { cronJobOf } from '../recordings/end-of-pod.ts';

/** The API server says when a pod began to the second: what was seen within it may have been of the pod before. */
export const beganWithinMs = 1_000;

/** What is kept of a pod: what names its containers, and what may name the kind of its workload. */
export type KnownPod = Readonly<{
  uid: string;
  namespace: string;
  name: string;
  node: string;
  /** 0 where the API server does not say. */
  createdAtMs: EpochMs;
  /** The controller above it: a Deployment rather than its ReplicaSet. The pod's own name where it has none. */
  workload: string;
  labels: ReadonlyMap<string, string>;
  containers: readonly KnownContainer[];
  /** What of its posture lasts as long as it does. */
  exposedBy: readonly LastingCode[];
}>;

export type KnownContainer = Readonly<{ id: string; name: string; image: string }>;

/** Labels that name a workload's kind. The others of a pod are not kept: there may be many, and long. */
const keptLabels = ['testudo.io/workload-class', 'app.kubernetes.io/name', 'app', 'k8s-app'];
const textMax = 253;

const status = z.object({ name: z.string(), containerID: z.string().default(''), image: z.string().default('') });
const statuses = z.array(status).default([]);
const shape = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    name: z.string().min(1),
    namespace: z.string().min(1),
    creationTimestamp: z.iso.datetime({ offset: true }).default('1970-01-01T00:00:00Z').transform(Date.parse),
    labels: z.record(z.string(), z.string()).default({}),
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().default(false) }))
      .default([]),
  }),
  spec: z.object({ nodeName: z.string().default('') }),
  status: z
    .object({
      containerStatuses: statuses,
      initContainerStatuses: statuses,
      ephemeralContainerStatuses: statuses,
    })
    .prefault({}),
});

/** The projection of a Pod as the API server writes it; undefined for what is none. */
export function projectPod(candidate: unknown): KnownPod | undefined {
  const parsed = shape.safeParse(candidate);
  if (!parsed.success) return undefined;
  const { metadata, spec, status } = parsed.data;
  const { uid, name, namespace, labels } = metadata;
  const owner = metadata.ownerReferences.find(({ controller }) => controller);
  const all = [...status.containerStatuses, ...status.initContainerStatuses, ...status.ephemeralContainerStatuses];
  return {
    uid: short(uid),
    namespace: short(namespace),
    name: short(name),
    node: short(spec.nodeName),
    createdAtMs: metadata.creationTimestamp,
    workload: short(owner === undefined ? name : ownerWorkload(owner, labels['pod-template-hash'])),
    labels: new Map(keptLabels.flatMap((key) => (labels[key] ? [[key, short(labels[key])] as const] : []))),
    exposedBy: lastingFindings((candidate as { spec: unknown }).spec),
    containers: all.flatMap((container) => {
      const id = container.containerID.slice(container.containerID.indexOf('://') + 3);
      // An identifier as runtimes make them; what is something else names no container of an event.
      if (!/^[0-9a-f]{12,128}$/.test(id)) return [];
      return [{ id, name: short(container.name), image: short(container.image) }];
    }),
  };
}

/** The workload that a pod's owner is of: a Deployment's ReplicaSet carries the hash of its template behind the Deployment's name. */
export function ownerWorkload(
  { kind, name }: Readonly<{ kind: string; name: string }>,
  hash: string | undefined,
): string {
  const isHashed = kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`);
  if (isHashed) return name.slice(0, -hash.length - 1);
  return kind === 'Job' ? cronJobOf(name) : name;
}

/**
 * A copy of its own: a part of a long text would keep the whole of it alive.
 */
function short(text: string): string {
  return Buffer.from(text.slice(0, textMax)).toString('utf8');
}
