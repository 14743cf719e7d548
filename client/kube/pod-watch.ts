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

/** The cluster's pods as the API server tells them: names the workload of events that do not. */
export class PodWatch {
  readonly #endpoint: KubeEndpoint;
  readonly #directory: PodDirectory;
  readonly #reflector: Reflector<KnownPod>;

  constructor(config: PodWatchConfig, { timers, unit, onEnded, onCounts }: PodWatchPorts, environment = process.env) {
    const endpoint = new KubeEndpoint(config, environment);
    const directory = new PodDirectory(config.podsMax, timers);
    this.#endpoint = endpoint;
    this.#directory = directory;
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
        onEnded,
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

  /** See `PodDirectory`. */
  nodeOf(namespace: string, name: string, atMs: EpochMs): string | undefined {
    return this.#directory.nodeOf(namespace, name, atMs);
  }

  async close(): Promise<void> {
    await this.#reflector.stop();
    this.#endpoint.close();
  }
}
