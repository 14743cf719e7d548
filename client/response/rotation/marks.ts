/**
 * What a rotation writes on its pod. It is the whole of what must survive the agent: whoever leads next reads here what was
 * begun and goes on.
 */
import { z } from 'zod';
import type { MetadataChange } from '../cluster/cluster.ts';
import type { PodFact, ReplicaSetFact } from '../cluster/facts.ts';

const rotating = 'testudo.io/rotating';
const rotation = 'testudo.io/rotation';
const failed = 'testudo.io/rotation-failed';
export const templateHash = 'pod-template-hash';
/** On a pod, from its template: "off" keeps rotation away. */
const optOut = 'testudo.io/rotation-mode';
const quarantined = 'testudo.io/quarantined';

const begun = z.object({
  /** Milliseconds since 1970. */
  at: z.number().int().nonnegative(),
  set: z.string().min(1).max(64),
  deployment: z.string().min(1).max(64),
  hash: z.string().regex(/^[a-z0-9]{1,63}$/),
});

export type Begun = z.infer<typeof begun>;

export type Failed = Readonly<{ atMs: number; reason: 'REPLACEMENT_UNREADY' | 'SURGE_REFUSED' | 'PDB' }>;

/** Takes the pod out of its ReplicaSet and leaves it in its Service. */
export function releaseOf(
  { uid }: Pick<PodFact, 'uid'>,
  set: Pick<ReplicaSetFact, 'uid'>,
  deployment: string,
  hash: string,
  at: number,
): MetadataChange {
  return {
    labels: { [templateHash]: null, [rotating]: uid.slice(0, 63) },
    annotations: {
      [rotation]: JSON.stringify({ at: Math.round(at), set: set.uid, deployment, hash } satisfies Begun),
      [failed]: null,
    },
  };
}

/** Puts it back. Why stays written on it. */
export function putBackOf({ hash }: Begun, { atMs, reason }: Failed): MetadataChange {
  return {
    labels: { [templateHash]: hash, [rotating]: null },
    annotations: { [rotation]: null, [failed]: `${Math.round(atMs)} ${reason}` },
  };
}

/** Of a pod that was released; 'unreadable' where somebody else wrote on it. */
export function begunOn({ labels, annotations }: PodFact): Begun | 'unreadable' | undefined {
  if (labels[rotating] === undefined) return undefined;
  try {
    const read = begun.safeParse(JSON.parse(annotations[rotation] ?? ''));
    return read.success ? read.data : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

export function failedOn({ annotations }: PodFact): Failed | undefined {
  const [, at, reason] = /^(\d{1,15}) (REPLACEMENT_UNREADY|SURGE_REFUSED|PDB)$/.exec(annotations[failed] ?? '') ?? [];
  return at === undefined ? undefined : { atMs: Number(at), reason: reason as Failed['reason'] };
}

export const isOptedOut = ({ annotations }: PodFact) => annotations[optOut] === 'off';
export const isQuarantined = ({ labels }: PodFact) => labels[quarantined] !== undefined;
