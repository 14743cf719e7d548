import type { Timers } from '../../../base/time.ts';
import { followLines } from '../../recordings/file-follower.ts';
import { alertIn } from '../../scoring/alert.ts';
import { type Sighting, sightingOf } from '../ladder/sighting.ts';

/** Alerts that are kept in mind: what is older than a window decides on nothing. */
const keptMax = 20_000;
const pollMs = 500;

export type AlertFeedPorts = Readonly<{ timers: Timers; signal: AbortSignal; onAlerts(): void }>;

/** The latest alerts of all tracks: what the hub tells, and what stands in alert files, followed as they grow. Each once. */
export class AlertFeed {
  readonly #sightings: Sighting[] = [];
  readonly #known = new Set<string>();
  readonly #running: Promise<unknown>;
  readonly #onAlerts: () => void;

  constructor(files: readonly string[], { timers, signal, onAlerts }: AlertFeedPorts) {
    this.#onAlerts = onAlerts;
    const follow = async (file: string) => {
      for await (const lines of followLines(file, { follow: true, timers, signal, pollMs })) {
        let heard = false;
        for (const line of lines) if (line.kind === 'line') heard = this.#hearLine(line.text) || heard;
        if (heard) onAlerts();
      }
    };
    this.#running = Promise.all(files.map(follow));
  }

  get sightings(): readonly Sighting[] {
    return this.#sightings;
  }

  /** Resolves once nothing is read any more: after the signal. */
  async closed(): Promise<void> {
    await this.#running;
  }

  /** What is no news moves nothing. */
  hear(sightings: readonly Sighting[]): void {
    if (sightings.filter((sighting) => this.#keep(sighting)).length > 0) this.#onAlerts();
  }

  #hearLine(line: string): boolean {
    const alert = alertIn(line);
    return alert !== undefined && this.#keep(sightingOf(alert)); // What is no alert of ours moves nothing.
  }

  /** False where it was heard before: it is no second one. */
  #keep(sighting: Sighting): boolean {
    if (this.#known.has(sighting.id)) return false;
    this.#known.add(sighting.id);
    this.#sightings.push(sighting);
    if (this.#sightings.length > keptMax) this.#known.delete((this.#sightings.shift() as Sighting).id);
    return true;
  }
}
