import type { Facts, PodFact } from '../cluster/facts.ts';
import { riskOf, type Sighting } from '../ladder/sighting.ts';

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

/** The API server says when a pod began to the second: what was seen within it may have been of the pod before. */
const beganWithinMs = 1_000;

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
      how: howOf(pod),
    });
  }
  return suspects.sort((a, b) => b.risk - a.risk || (a.pod.uid < b.pod.uid ? -1 : 1));
}

function howOf(pod: PodFact): Suspect['how'] {
  const nothing = (because: string) => ({ kind: 'nothing', because }) as const;
  if (pod.isMirror) return nothing('the kubelet runs it from a file: the API cannot touch it');
  if (pod.isHostNetwork) return nothing("it is on the node's network: no policy holds it; drain the node");
  switch (pod.owner?.kind) {
    case 'ReplicaSet':
      return { kind: 'isolate' };
    case 'StatefulSet':
      return { kind: 'evict' };
    case undefined:
      return nothing('nobody would replace it: it has no controller');
    default:
      return nothing(`a ${pod.owner?.kind}'s pod is not replaced elsewhere`);
  }
}

/** The Deployment above a ReplicaSet; what an alert calls the workload decides on nothing. */
function workloadOf({ owner, name }: PodFact, { replicaSets }: Pick<Facts, 'replicaSets'>): string {
  if (owner === null) return name;
  return replicaSets.get(owner.uid)?.owner?.name ?? owner.name;
}
