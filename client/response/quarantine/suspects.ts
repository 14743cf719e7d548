import { beganWithinMs } from '../../kube/pod.ts';
import type { Facts, PodFact, ReplicaSetFact } from '../cluster/facts.ts';
import { riskOf, type Sighting } from '../ladder/sighting.ts';
import { begunOn } from '../rotation/marks.ts';

/** A pod with alerts, and what can be done with it. */
export type Suspect = Readonly<{
  pod: PodFact;
  workload: string;
  sightings: readonly Sighting[];
  risk: number;
  /**
   * `isolate`: relabelled, and kept. `evict`: a StatefulSet's pod that is relabelled keeps its name, and stalls its set. A text:
   * why nothing can be done.
   */
  how: Readonly<{ kind: 'isolate' | 'evict' }> | Readonly<{ kind: 'nothing'; because: string }>;
}>;

/**
 * The pods that alerts speak of, the most suspect first. An alert names a pod by its name: one of the same name that began
 * after it is another.
 */
export function suspectsOf(sightings: readonly Sighting[], facts: Facts, nowMs: number): readonly Suspect[] {
  const byName = new Map<string, Sighting[]>();
  for (const sighting of sightings) {
    const key = `${sighting.namespace}/${sighting.pod}`;
    const mine = byName.get(key);
    if (mine === undefined) byName.set(key, [sighting]);
    else mine.push(sighting);
  }
  const suspects: Suspect[] = [];
  for (const pod of facts.pods.values()) {
    const mine = byName
      .get(`${pod.namespace}/${pod.name}`)
      ?.filter(({ atMs }) => atMs >= pod.createdAtMs + beganWithinMs);
    if (mine === undefined || mine.length === 0 || pod.isDeleting) continue;
    suspects.push({
      pod,
      workload: workloadOf(pod, facts),
      sightings: mine,
      risk: riskOf(mine, nowMs),
      how: howOf(pod, facts),
    });
  }
  return suspects.sort((a, b) => b.risk - a.risk || (a.pod.uid < b.pod.uid ? -1 : 1));
}

function howOf(pod: PodFact, facts: Facts): Suspect['how'] {
  const nothing = (because: string) => ({ kind: 'nothing', because }) as const;
  if (pod.isMirror) return nothing('the kubelet runs it from a file: the API cannot touch it');
  if (pod.isHostNetwork) return nothing("it is on the node's network: no policy holds it; drain the node");
  switch (pod.owner?.kind) {
    case 'ReplicaSet':
      return { kind: 'isolate' };
    case 'StatefulSet':
      return { kind: 'evict' };
    case undefined:
      // Its ReplicaSet has another one for it already, or is about to.
      if (releasedFrom(pod, facts) !== undefined) return { kind: 'isolate' };
      return nothing('nobody would replace it: it has no controller');
    default:
      return nothing(`a ${pod.owner?.kind}'s pod is not replaced elsewhere`);
  }
}

/** The Deployment above a ReplicaSet; what an alert calls the workload decides on nothing. */
function workloadOf(pod: PodFact, facts: Facts): string {
  const { owner, name } = pod;
  if (owner === null) return releasedFrom(pod, facts)?.owner?.name ?? name;
  return facts.replicaSets.get(owner.uid)?.owner?.name ?? owner.name;
}

/** The ReplicaSet, still there, of a pod that rotation has released from it. */
function releasedFrom(pod: PodFact, { replicaSets }: Facts): ReplicaSetFact | undefined {
  const begun = begunOn(pod);
  if (begun === undefined || begun === 'unreadable') return undefined;
  const set = replicaSets.get(begun.set);
  const isIts = set?.namespace === pod.namespace && set.owner?.uid === begun.deployment && !set.isDeleting;
  return isIts ? set : undefined;
}
