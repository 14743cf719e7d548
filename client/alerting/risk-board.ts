import type { Subject } from '../detectors/track-kind.ts';

type Entry = { track: string; subject: Subject; risk: number; atMs: number };

const entriesMax = 20_000;
/** How long a risk stands when nothing higher comes after it. */
const standsMs = 60_000;

/** The latest risk of every pod by every track: 0 is as usual, 1 is the track's threshold. */
export class RiskBoard {
  /** Least recently heard first. */
  readonly #entries = new Map<string, Entry>();
  readonly #nowMs: () => number;

  /** `nowMs`: a monotonic clock. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  hear(track: string, subject: Subject, risk: number): void {
    const key = `${track}/${subject.namespace}/${subject.workload}/${subject.pod}`;
    const before = this.#entries.get(key);
    const atMs = this.#nowMs();
    // A quiet minute later the higher one does not count any more.
    const stands = before !== undefined && before.risk > risk && atMs - before.atMs < standsMs;
    const entry = stands ? before : { track, subject, risk, atMs };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > entriesMax) this.#entries.delete(this.#entries.keys().next().value as string);
  }

  /** The greatest risk of a workload's pods by one track; undefined where the track knows nothing of it. */
  of(track: string, namespace: string, workload: string): number | undefined {
    let greatest: number | undefined;
    for (const entry of this.#entries.values()) {
      const { subject } = entry;
      if (entry.track !== track || subject.namespace !== namespace || subject.workload !== workload) continue;
      greatest = Math.max(greatest ?? 0, entry.risk);
    }
    return greatest;
  }
}
