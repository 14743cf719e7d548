import type { Subject } from '../tracks/track-kind.ts';

type Entry = Readonly<{ key: string; group: string; risk: number; atMs: number }>;

const entriesMax = 20_000;
/** How long a risk stands when nothing higher comes after it. */
const standsMs = 60_000;

/** The latest risk of every pod by every track: 0 is as usual, 1 is the track's threshold. */
export class RiskBoard {
  /** Least recently heard first. */
  readonly #entries = new Map<string, Entry>();
  /** Track and workload to the entries of its pods: a graph asks for each of its workloads, slice by slice. */
  readonly #groups = new Map<string, Map<string, Entry>>();
  readonly #nowMs: () => number;

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  hear(track: string, subject: Subject, risk: number): void {
    const group = groupOf(track, subject.namespace, subject.workload);
    const key = `${group}/${subject.pod}`;
    const before = this.#entries.get(key);
    const atMs = this.#nowMs();
    // A quiet minute later the higher one does not count any more.
    const stands = before !== undefined && before.risk > risk && atMs - before.atMs < standsMs;
    const entry = stands ? before : { key, group, risk, atMs };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const pods = this.#groups.get(group);
    if (pods === undefined) this.#groups.set(group, new Map([[key, entry]]));
    else pods.set(key, entry);
    if (this.#entries.size > entriesMax) this.#forget(this.#entries.values().next().value as Entry);
  }

  /** The greatest risk of a workload's pods by one track; undefined where the track knows nothing of it. */
  of(track: string, namespace: string, workload: string): number | undefined {
    let greatest: number | undefined;
    for (const { risk } of this.#groups.get(groupOf(track, namespace, workload))?.values() ?? []) {
      greatest = Math.max(greatest ?? 0, risk);
    }
    return greatest;
  }

  #forget({ key, group }: Entry): void {
    this.#entries.delete(key);
    const pods = this.#groups.get(group);
    pods?.delete(key);
    if (pods?.size === 0) this.#groups.delete(group);
  }
}

/** No name in Kubernetes holds a slash. */
function groupOf(track: string, namespace: string, workload: string): string {
  return `${track}/${namespace}/${workload}`;
}
