import type { Timers } from '../../base/time.ts';
import type { KnownContainer, KnownPod } from './pod.ts';

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
  readonly #gone = new Map<string, Readonly<{ pod: KnownPod; sinceMs: number }>>();
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

  #unlink({ uid, containers }: KnownPod): void {
    for (const { id } of containers) {
      const key = id.slice(0, digits);
      if (this.#byContainer.get(key)?.pod.uid === uid) this.#byContainer.delete(key);
    }
  }
}
