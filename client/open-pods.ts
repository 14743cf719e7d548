import { faultFields, type Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import { within } from '../base/waiting/within.ts';
import type { KubeConfig } from './kube/kube-config.ts';
import { PodWatch } from './kube/pod-watch.ts';
import type { ClientMetrics } from './observability/metrics.ts';

/** How long the first events wait for the first list of pods: nothing waits for an API server that does not answer. */
const firstListMsMax = 5_000;

/** `node`: of its pods alone. */
type OpenPodsPorts = Readonly<{ metrics: ClientMetrics; log: Log; timers: Timers; node?: string }>;

/** The configured watch of pods, its first list read where that is quick; undefined where none is configured. */
export async function openPods(
  config: KubeConfig | null,
  { metrics, log, timers, node }: OpenPodsPorts,
): Promise<PodWatch | undefined> {
  if (config === null) return undefined;
  let leftOutBefore = 0;
  const pods = new PodWatch(node === undefined ? config : { ...config, node }, {
    timers,
    unit: Math.random,
    onEnded: (fault) => {
      metrics.podWatchEnds.inc({ code: fault?.code ?? 'OK' });
      if (fault !== undefined) log.warn(faultFields(fault), 'the API server cannot be watched for now');
    },
    onCounts: ({ known, leftOut }) => {
      metrics.podsKnown.set(known);
      metrics.podsLeftOut.set(leftOut);
      if (leftOut > 0 && leftOutBefore === 0) {
        log.warn(
          { known, leftOut },
          'there are more pods than are kept in mind: events of the others are not completed',
        );
      }
      leftOutBefore = leftOut;
    },
  });
  const first = await within(timers, firstListMsMax, pods.synced);
  if (first === 'late') log.warn('no list of pods yet: events begin without what it would say of them');
  return pods;
}
