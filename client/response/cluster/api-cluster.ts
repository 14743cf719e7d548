import { ok, refuse } from '../../../base/fault.ts';
import type { KubeRequest } from '../../kube/request.ts';
import type { Cluster, Done } from './cluster.ts';
import type { PodRef } from './facts.ts';
import { refusalIn } from './reply.ts';
import type { Send } from './send.ts';

/** An eviction may keep the server busy for ten seconds before it answers 504 (twenty tries of half a second). */
const evictionMsMax = 20_000;

const podPath = ({ namespace, name }: PodRef) =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;

/** The real cluster. `maySend`: whether this agent leads, asked in the turn in which a request is sent. */
export function apiCluster(send: Send, maySend: () => boolean): Cluster {
  const ask = async (request: KubeRequest): Promise<Done> => {
    const sent = await send({ ...request, maySend });
    if (sent.ok)
      return refusalIn(sent.value, `${request.method} ${request.path}`) ?? { ...ok(null), retryAfterMs: null };
    const { code, message } = sent.fault;
    if (code === 'NOT_SENT')
      return { ...refuse('NOT_LEADER', 'the lease is not held: nothing was sent'), retryAfterMs: null };
    return { ...refuse('OUTCOME_UNKNOWN', message), retryAfterMs: null };
  };
  return {
    patchPod: (pod, { labels, annotations }) =>
      // A merge patch whose uid and resourceVersion are conditions: the server refuses it whole when either has changed.
      ask({
        method: 'PATCH',
        path: podPath(pod),
        contentType: 'application/merge-patch+json',
        body: {
          metadata: {
            uid: pod.uid,
            resourceVersion: pod.resourceVersion,
            ...(labels === undefined ? {} : { labels }),
            ...(annotations === undefined ? {} : { annotations }),
          },
        },
      }),
    evictPod: (pod, { dryRun = false } = {}) =>
      ask({
        method: 'POST',
        path: `${podPath(pod)}/eviction${dryRun ? '?dryRun=All' : ''}`,
        answerMsMax: evictionMsMax,
        body: {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name: pod.name, namespace: pod.namespace },
          // No grace period: the pod's own counts. The name may be another pod's by now.
          deleteOptions: { preconditions: { uid: pod.uid } },
        },
      }),
  };
}
