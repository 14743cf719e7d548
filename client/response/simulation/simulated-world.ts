import type { Random } from '../../../base/random.ts';
import type { Timers } from '../../../base/time.ts';
import type { LastingCode } from '../../posture/exposure.ts';
import { selects } from '../cluster/selector.ts';
import {
  type Budget,
  factOf,
  type Kind,
  noObjects,
  type Objects,
  type Pod,
  type SimulatedView,
} from './simulated-objects.ts';

/** How long things take, in milliseconds: each is drawn between nothing and this, or between the two. */
export type Pace = Readonly<{
  watchMs: number;
  controllerMs: number;
  startMs: readonly [number, number];
  graceMs: number;
}>;

const defaultPace: Pace = { watchMs: 400, controllerMs: 800, startMs: [2_000, 30_000], graceMs: 20_000 };

/**
 * A cluster without an API server: objects, what is told of them, and the controllers and kubelets that answer to a change. It
 * knows of a rotation only what Kubernetes would: a label that is gone, a pod that goes.
 */
export class SimulatedWorld {
  readonly objects: Objects = noObjects();
  readonly timers: Timers;
  readonly random: Random;
  readonly pace: Pace;
  readonly #views = new Set<Readonly<{ view: SimulatedView; wake: () => void; isCut: () => boolean }>>();
  readonly #asked = new Set<string>();
  #number = 0;
  /** Looked at after every change. */
  onChange: () => void = () => undefined;

  /** What pods of this name are exposed by. */
  exposedBy: (name: string) => readonly LastingCode[] = () => [];
  /** What local data pods of this name have, as facts tell it. */
  localDataOf: (name: string) => string | null = () => null;

  constructor(timers: Timers, random: Random, pace: Pace = defaultPace) {
    this.timers = timers;
    this.random = random;
    this.pace = pace;
  }

  unique(what: string): string {
    this.#number += 1;
    return `${what}-${this.#number}`;
  }

  between(lowMs: number, highMs: number): number {
    return lowMs + this.random() * (highMs - lowMs);
  }

  /** Tells a view of everything from now on; ends with what is returned. */
  watch(view: SimulatedView, wake: () => void, isCut: () => boolean): () => void {
    const watcher = { view, wake, isCut };
    view.replace(this.objects);
    this.#views.add(watcher);
    return () => void this.#views.delete(watcher);
  }

  /** An object was written, or removed: its version is new, watches tell of it, controllers look. */
  wrote(kind: Kind, key: string): void {
    const object = this.objects[kind].get(key) as { resourceVersion?: string } | undefined;
    if (object?.resourceVersion !== undefined) object.resourceVersion = this.unique('v');
    this.onChange();
    for (const watcher of this.#views) {
      this.timers.after(this.between(0, this.pace.watchMs), () => {
        if (!this.#views.has(watcher) || watcher.isCut()) return;
        const now = this.objects[kind].get(key);
        watcher.view.put(kind, key, now === undefined ? undefined : factOf(now));
        watcher.wake();
      });
    }
    this.#controllersSoon();
  }

  isSelected(budget: Budget, pod: Pod): boolean {
    return budget.namespace === pod.namespace && selects(budget.selector, pod.labels);
  }

  /** Marks a pod as going, and lets it go after its grace. */
  end(pod: Pod): void {
    if (pod.isDeleting) return;
    pod.isDeleting = true;
    this.wrote('pods', pod.uid);
    this.timers.after(this.between(100, this.pace.graceMs), () => {
      this.objects.pods.delete(pod.uid);
      this.wrote('pods', pod.uid);
    });
  }

  addPod(
    of: Partial<Pod> & Readonly<{ namespace: string; name: string }>,
    growth: 'ready' | 'never ready' = 'ready',
  ): Pod {
    const nodes = [...this.objects.nodes.keys()];
    const pod: Pod = {
      ...{ uid: this.unique('uid'), resourceVersion: this.unique('v'), labels: {}, annotations: {}, owner: null },
      node: nodes[Math.floor(this.random() * nodes.length)] ?? '',
      ...{ phase: 'Pending', isReady: false, readySinceMs: null, createdAtMs: this.timers.now(), isDeleting: false },
      ...{
        isMirror: false,
        isDisrupted: false,
        localData: this.localDataOf(of.name),
        isHostNetwork: false,
        images: [],
        exposedBy: this.exposedBy(of.name),
      },
      ...of,
    };
    this.objects.pods.set(pod.uid, pod);
    this.wrote('pods', pod.uid);
    this.timers.after(this.between(...this.pace.startMs), () => {
      if (pod.isDeleting || !this.objects.pods.has(pod.uid)) return;
      pod.phase = 'Running';
      if (growth === 'ready') {
        pod.isReady = true;
        pod.readySinceMs = this.timers.now();
      }
      this.wrote('pods', pod.uid);
    });
    return pod;
  }

  #controllersSoon(): void {
    for (const controller of ['replicaSets', 'statefulSets', 'budgets', 'deployments'] as const) {
      if (this.#asked.has(controller)) continue;
      this.#asked.add(controller);
      this.timers.after(this.between(1, this.pace.controllerMs), () => {
        this.#asked.delete(controller);
        if (controller === 'replicaSets') this.#syncReplicaSets();
        else if (controller === 'statefulSets') this.#syncStatefulSets();
        else if (controller === 'budgets') this.#syncBudgets();
        else this.#syncDeployments();
      });
    }
  }

  /** Adopts what bears its hash, lets go of what does not, and makes or removes the difference: the unready first. */
  #syncReplicaSets(): void {
    for (const set of this.objects.replicaSets.values()) {
      const deployment = this.objects.deployments.get(set.owner?.uid ?? '');
      for (const pod of this.objects.pods.values()) {
        if (pod.namespace !== set.namespace || pod.isDeleting) continue;
        const matches = pod.labels['pod-template-hash'] === set.templateHash;
        if (matches && pod.owner === null) {
          pod.owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set.name, uid: set.uid };
          this.wrote('pods', pod.uid);
        } else if (!matches && pod.owner?.uid === set.uid) {
          pod.owner = null;
          this.wrote('pods', pod.uid);
        }
      }
      const own = [...this.objects.pods.values()].filter(
        ({ owner, isDeleting }) => owner?.uid === set.uid && !isDeleting,
      );
      for (let at = own.length; at < set.replicas && deployment?.growth !== 'refused'; at += 1) {
        const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set.name, uid: set.uid };
        const labels = { app: deployment?.name ?? set.name, 'pod-template-hash': set.templateHash ?? '' };
        const name = this.unique(set.name);
        this.addPod(
          { namespace: set.namespace, name, labels, owner },
          deployment?.growth === 'never ready' ? 'never ready' : 'ready',
        );
      }
      const surplus = own.sort((a, b) => Number(a.isReady) - Number(b.isReady) || b.createdAtMs - a.createdAtMs);
      for (const pod of surplus.slice(0, Math.max(0, own.length - set.replicas))) this.end(pod);
      if (set.observedGeneration !== set.generation) {
        set.observedGeneration = set.generation;
        this.wrote('replicaSets', set.uid);
      }
    }
  }

  /** One ordinal at a time, under the same name. */
  #syncStatefulSets(): void {
    for (const set of this.objects.statefulSets.values()) {
      const own = [...this.objects.pods.values()].filter(({ owner }) => owner?.uid === set.uid);
      const missing = Array.from({ length: set.replicas }, (_, at) => `${set.name}-${at}`).find(
        (name) => !own.some((pod) => pod.name === name),
      );
      if (missing !== undefined && set.growth !== 'refused') {
        const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: set.name, uid: set.uid };
        this.addPod(
          { namespace: set.namespace, name: missing, labels: { app: set.name }, owner },
          set.growth === 'ready' ? 'ready' : 'never ready',
        );
      }
      if (set.observedGeneration !== set.generation) {
        set.observedGeneration = set.generation;
        this.wrote('statefulSets', set.uid);
      }
    }
  }

  /** The disruption controller: healthy pods against those that are asked for, less what is evicted and still there. */
  #syncBudgets(): void {
    for (const budget of this.objects.budgets.values()) {
      const own = [...this.objects.pods.values()].filter((pod) => this.isSelected(budget, pod));
      const names = new Set(own.filter(({ isDeleting }) => !isDeleting).map(({ name }) => name));
      for (const [name, sinceMs] of budget.disrupted) {
        if (!names.has(name) || this.timers.now() - sinceMs > 120_000) budget.disrupted.delete(name);
      }
      // It looks again when the first of them is over, though nobody has told it anything.
      const oldest = Math.min(...budget.disrupted.values());
      if (Number.isFinite(oldest))
        this.timers.after(oldest + 120_001 - this.timers.now(), () => this.#controllersSoon(), { background: true });
      const healthy = own.filter((pod) => pod.isReady && !pod.isDeleting && !budget.disrupted.has(pod.name)).length;
      const expected = this.#expectedOf(own);
      const desired = budget.min ?? Math.max(0, expected - (budget.maxUnavailable ?? 0));
      const allowed = Math.max(0, healthy - desired);
      const before = `${budget.currentHealthy} ${budget.desiredHealthy} ${budget.disruptionsAllowed} ${budget.isCurrent}`;
      Object.assign(budget, {
        currentHealthy: healthy,
        desiredHealthy: desired,
        disruptionsAllowed: allowed,
        isCurrent: true,
      });
      if (before !== `${healthy} ${desired} ${allowed} true`) this.wrote('budgets', budget.uid);
    }
  }

  /** By controllers: what has none counts for nothing. */
  #expectedOf(pods: readonly Pod[]): number {
    const owners = new Set(pods.map(({ owner }) => owner?.uid ?? ''));
    let expected = 0;
    for (const uid of owners) {
      const set = this.objects.replicaSets.get(uid) ?? this.objects.statefulSets.get(uid);
      expected += set?.replicas ?? 0;
    }
    return expected;
  }

  /** A rollout makes all new pods first, and then lets the old ones go. */
  #syncDeployments(): void {
    for (const deployment of this.objects.deployments.values()) {
      const sets = [...this.objects.replicaSets.values()].filter(({ owner }) => owner?.uid === deployment.uid);
      const newest = sets.at(-1);
      if (newest === undefined) continue;
      const ready = [...this.objects.pods.values()].filter(
        ({ owner, isReady, isDeleting }) => owner?.uid === newest.uid && isReady && !isDeleting,
      );
      const change = (set: typeof newest, replicas: number) => {
        if (set.replicas === replicas) return;
        set.replicas = replicas;
        set.generation += 1;
        this.wrote('replicaSets', set.uid);
      };
      change(newest, deployment.replicas);
      if (ready.length >= deployment.replicas) for (const set of sets.slice(0, -1)) change(set, 0);
      const status = {
        updatedReplicas: newest.replicas,
        availableReplicas: ready.length,
        observedGeneration: deployment.generation,
      };
      const before = `${deployment.updatedReplicas} ${deployment.availableReplicas} ${deployment.observedGeneration}`;
      Object.assign(deployment, status);
      if (before !== `${status.updatedReplicas} ${status.availableReplicas} ${status.observedGeneration}`) {
        this.wrote('deployments', deployment.uid);
      }
    }
  }
}
