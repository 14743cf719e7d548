import type { Fault } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { SourceItem } from '../events/source-item.ts';
import { KubeEndpoint } from './endpoint.ts';
import { enriched } from './enrich.ts';
import type { KubeConfig } from './kube-config.ts';
import { type KnownPod, projectPod } from './pod.ts';
import { PodDirectory } from './pod-directory.ts';
import { Reflector } from './reflector.ts';
import type { KubeFaultCode } from './request.ts';
import { readinessOf } from './server-readiness.ts';

/** `node`: of this node's pods alone. */
export type PodWatchConfig = KubeConfig & Readonly<{ node?: string }>;

export type PodWatchPorts = Readonly<{
  timers: Timers;
  unit(): number;
  onEnded(fault: Fault<KubeFaultCode> | undefined): void;
  onCounts(counts: PodDirectory['counts']): void;
}>;

/** Cut off for longer, nobody here can say where a pod is: one that keeps its name may have moved. */
const cutOffMsMax = 60_000;

/** The cluster's pods as the API server tells them: names the workload of events that do not. */
export class PodWatch {
  readonly #endpoint: KubeEndpoint;
  readonly #directory: PodDirectory;
  readonly #reflector: Reflector<KnownPod>;
  readonly #timers: Timers;
  /** By the monotonic clock; undefined while changes are told. */
  #cutOffSinceMs: number | undefined;

  constructor(config: PodWatchConfig, { timers, unit, onEnded, onCounts }: PodWatchPorts, environment = process.env) {
    const endpoint = new KubeEndpoint(config, environment);
    const directory = new PodDirectory(config.podsMax, timers);
    this.#endpoint = endpoint;
    this.#directory = directory;
    this.#timers = timers;
    const changed = (change: () => void) => {
      change();
      onCounts(directory.counts);
    };
    // All pods, not those with a label: one that is relabelled would leave such a watch though it lives.
    const fieldSelector = config.node === undefined ? undefined : `spec.nodeName=${config.node}`;
    this.#reflector = new Reflector(
      { path: '/api/v1/pods', fieldSelector },
      {
        endpoint,
        readiness: readinessOf(endpoint, timers, unit),
        timers,
        unit,
        project: projectPod,
        onAll: (pods) => changed(() => directory.replace(pods)),
        onPut: (pod) => changed(() => directory.put(pod)),
        onGone: ({ uid }) => changed(() => directory.remove(uid)),
        onEnded: (fault) => {
          if (fault !== undefined) this.#cutOffSinceMs ??= timers.monotonicMs();
          onEnded(fault);
        },
        onResumed: () => {
          this.#cutOffSinceMs = undefined;
        },
      },
    );
  }

  /** Resolves once all pods are known that there are. */
  get synced(): Promise<void> {
    return this.#reflector.synced;
  }

  /** See `enriched`. */
  enrich(items: readonly SourceItem[]): readonly SourceItem[] {
    return items.map((item) => enriched(item, (id) => this.#directory.find(id)));
  }

  /** See `PodDirectory`. */
  exposedBy(namespace: string, workload: string) {
    return this.#directory.exposedBy(namespace, workload);
  }

  /** See `PodDirectory`; undefined while the API server has not been heard for more than a minute. */
  nodeOf(namespace: string, name: string, atMs: EpochMs): string | undefined {
    const nowMs = this.#timers.monotonicMs();
    if (nowMs - (this.#cutOffSinceMs ?? nowMs) > cutOffMsMax) return undefined;
    return this.#directory.nodeOf(namespace, name, atMs);
  }

  async close(): Promise<void> {
    await this.#reflector.stop();
    this.#endpoint.close();
  }
}
