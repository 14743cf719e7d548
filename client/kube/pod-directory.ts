import type { EpochMs, Timers } from '../../base/time.ts';
import { type LastingCode, lastingCodes } from '../posture/exposure.ts';
import { beganWithinMs, type KnownContainer, type KnownPod } from './pod.ts';

/** Whose container it is. */
export type Found = Readonly<{ pod: KnownPod; container: KnownContainer }>;

/** Of an id so many digits are always known. */
const digits = 12;
/** Events of a container come after its pod is gone: it is found for so long. */
const goneMs = 60_000;

/** Pods by their containers' ids: at most so many at once, those that came first. */
export class PodDirectory {
  readonly #max: number;
  readonly #timers: Timers;
  readonly #pods = new Map<string, KnownPod>();
  readonly #byContainer = new Map<string, Found>();
  /** Of those that had a name one after another, the latest. */
  readonly #byName = new Map<string, KnownPod>();
  readonly #gone = new Map<string, Readonly<{ pod: KnownPod; sinceMs: number }>>();
  /** Pods of each workload, by uid: those that are found by their containers. */
  readonly #byWorkload = new Map<string, Map<string, KnownPod>>();
  readonly #leftOut = new Set<string>();

  constructor(max: number, timers: Timers) {
    this.#max = max;
    this.#timers = timers;
  }

  /** Pods that are, and pods that there was no room for. */
  get counts(): Readonly<{ known: number; leftOut: number }> {
    return { known: this.#pods.size, leftOut: this.#leftOut.size };
  }

  /** The uids of all pods that are known. */
  uids(): IterableIterator<string> {
    return this.#pods.keys();
  }

  put(pod: KnownPod): void {
    this.#forgetOld();
    const before = this.#pods.get(pod.uid) ?? this.#gone.get(pod.uid)?.pod;
    if (before === undefined && this.#pods.size + this.#gone.size >= this.#max) {
      const [oldest] = this.#gone.keys();
      if (oldest === undefined) {
        if (this.#leftOut.size < this.#max) this.#leftOut.add(pod.uid);
        return;
      }
      this.#forget(oldest);
    }
    if (before !== undefined) this.#unlink(before);
    this.#gone.delete(pod.uid);
    this.#leftOut.delete(pod.uid);
    this.#pods.set(pod.uid, pod);
    for (const container of pod.containers) this.#byContainer.set(container.id.slice(0, digits), { pod, container });
    this.#byName.set(nameOf(pod), pod);
    const key = keyOf(pod);
    const alike = this.#byWorkload.get(key) ?? new Map<string, KnownPod>();
    this.#byWorkload.set(key, alike.set(pod.uid, pod));
  }

  remove(uid: string): void {
    this.#leftOut.delete(uid);
    const pod = this.#pods.get(uid);
    if (pod === undefined) return;
    this.#pods.delete(uid);
    this.#gone.set(uid, { pod, sinceMs: this.#timers.monotonicMs() });
    this.#forgetOld();
  }

  /** All that is: whatever else was known is gone. */
  replace(pods: readonly KnownPod[]): void {
    const now = new Set(pods.map(({ uid }) => uid));
    for (const uid of [...this.#pods.keys()]) if (!now.has(uid)) this.remove(uid);
    this.#leftOut.clear();
    for (const pod of pods) this.put(pod);
  }

  /** `id`: hexadecimal, at least twelve digits of it. */
  find(id: string): Found | undefined {
    if (id.length < digits) return undefined;
    const found = this.#byContainer.get(id.slice(0, digits));
    if (found === undefined) return undefined;
    // Two ids that begin alike are told apart by what is known of both.
    const length = Math.min(id.length, found.container.id.length);
    return found.container.id.slice(0, length) === id.slice(0, length) ? found : undefined;
  }

  /** The node of the pod that had this name at that time; undefined where none is known that was there then. */
  nodeOf(namespace: string, name: string, atMs: EpochMs): string | undefined {
    const pod = this.#byName.get(nameOf({ namespace, name }));
    // Of a StatefulSet's pod that was moved, what happened before was elsewhere.
    if (pod === undefined || pod.node === '' || atMs < pod.createdAtMs + beganWithinMs) return undefined;
    return pod.node;
  }

  /** What any pod of a workload is exposed by, in the order of `lastingCodes`; undefined where none of its pods is known. */
  exposedBy(namespace: string, workload: string): readonly LastingCode[] | undefined {
    const pods = this.#byWorkload.get(keyOf({ namespace, workload }));
    if (pods === undefined) return undefined;
    const found = new Set([...pods.values()].flatMap(({ exposedBy }) => exposedBy));
    return lastingCodes.filter((code) => found.has(code));
  }

  #forgetOld(): void {
    const before = this.#timers.monotonicMs() - goneMs;
    for (const [uid, { sinceMs }] of this.#gone) {
      if (sinceMs > before) return; // They went in this order.
      this.#forget(uid);
    }
  }

  #forget(uid: string): void {
    const gone = this.#gone.get(uid);
    this.#gone.delete(uid);
    if (gone !== undefined) this.#unlink(gone.pod);
  }

  #unlink(pod: KnownPod): void {
    const { uid, containers } = pod;
    if (this.#byName.get(nameOf(pod))?.uid === uid) this.#byName.delete(nameOf(pod));
    const alike = this.#byWorkload.get(keyOf(pod));
    alike?.delete(uid);
    if (alike?.size === 0) this.#byWorkload.delete(keyOf(pod));
    for (const { id } of containers) {
      const key = id.slice(0, digits);
      if (this.#byContainer.get(key)?.pod.uid === uid) this.#byContainer.delete(key);
    }
  }
}

function nameOf({ namespace, name }: Pick<KnownPod, 'namespace' | 'name'>): string {
  return `${namespace}/${name}`;
}

function keyOf({ namespace, workload }: Pick<KnownPod, 'namespace' | 'workload'>): string {
  return `${namespace}/${workload}`;
}
