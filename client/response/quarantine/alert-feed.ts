import type { Timers } from '../../../base/time.ts';
import { alertIn } from '../../alerts/read-alerts.ts';
import { followLines } from '../../recordings/file-follower.ts';
import { type Sighting, sightingOf } from '../ladder/sighting.ts';

/** Alerts that are kept in mind: what is older than a window decides on nothing. */
const keptMax = 20_000;
const pollMs = 500;

export type AlertFeedPorts = Readonly<{ timers: Timers; signal: AbortSignal; onAlerts(): void }>;

/** The alert files of this cluster's client, followed as they grow: the latest alerts of all tracks. */
export class AlertFeed {
  readonly #sightings: Sighting[] = [];
  readonly #known = new Set<string>();
  readonly #running: Promise<unknown>;

  constructor(files: readonly string[], { timers, signal, onAlerts }: AlertFeedPorts) {
    const follow = async (file: string) => {
      for await (const lines of followLines(file, { follow: true, timers, signal, pollMs })) {
        let heard = false;
        for (const line of lines) if (line.kind === 'line') heard = this.#hear(line.text) || heard;
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

  #hear(line: string): boolean {
    const alert = alertIn(line);
    // What is no alert of ours moves nothing, and one that was read before is no second one.
    if (alert === undefined || this.#known.has(alert.id)) return false;
    this.#known.add(alert.id);
    this.#sightings.push(sightingOf(alert));
    if (this.#sightings.length > keptMax) this.#known.delete((this.#sightings.shift() as Sighting).id);
    return true;
  }
}
