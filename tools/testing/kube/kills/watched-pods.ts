import { systemTimers } from '../../../../base/system-timers.ts';
import { KubeEndpoint } from '../../../../client/kube/endpoint.ts';
import { Reflector } from '../../../../client/kube/reflector.ts';
import { readinessOf } from '../../../../client/kube/server-readiness.ts';
import type { PodFact } from '../../../../client/response/cluster/facts.ts';
import { projectPod } from '../../../../client/response/cluster/project.ts';

type Access = ConstructorParameters<typeof KubeEndpoint>[0];

/** All pods of a namespace as a watch tells of them, each state of each held to what must always be so. */
export class WatchedPods {
  readonly now = new Map<string, PodFact>();
  /** Every uid that was ever there. */
  readonly seen = new Set<string>();
  /** What must not have been, each once. */
  readonly wrong = new Set<string>();
  readonly synced: Promise<void>;
  readonly #endpoint: KubeEndpoint;
  readonly #reflector: Reflector<PodFact>;

  /** `wrongWith`: what is wrong with a pod in this state; undefined where nothing is. `unit`: as its watch takes it. */
  constructor(
    access: Access,
    namespace: string,
    wrongWith: (pod: PodFact) => string | undefined,
    unit: () => number = () => 0.1,
  ) {
    this.#endpoint = new KubeEndpoint(access);
    const put = (pod: PodFact) => {
      this.now.set(pod.uid, pod);
      this.seen.add(pod.uid);
      const wrong = wrongWith(pod);
      if (wrong !== undefined) this.wrong.add(`${pod.namespace}/${pod.name}: ${wrong}`);
    };
    this.#reflector = new Reflector<PodFact>(
      { path: `/api/v1/namespaces/${namespace}/pods` },
      {
        endpoint: this.#endpoint,
        readiness: readinessOf(this.#endpoint, systemTimers, unit),
        timers: systemTimers,
        unit,
        project: projectPod,
        onAll: (all) => {
          this.now.clear();
          for (const pod of all) put(pod);
        },
        onPut: put,
        onGone: ({ uid }) => this.now.delete(uid),
        onEnded: () => undefined,
      },
    );
    this.synced = this.#reflector.synced;
  }

  /** Pods that stay, by the label `app`. */
  of(app: string): PodFact[] {
    return [...this.now.values()].filter(({ labels, isDeleting }) => labels.app === app && !isDeleting);
  }

  async close(): Promise<void> {
    await this.#reflector.stop();
    this.#endpoint.close();
  }
}
