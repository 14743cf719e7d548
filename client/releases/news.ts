import type { Fault } from '../../base/fault.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ReleaseTarget } from '../../proto/release/documents/catalogue.ts';
import type { ReleaseProposal } from '../../proto/release/walk.ts';
import type { AgentPorts } from './agent-ports.ts';
import type { Faulted } from './agent-view.ts';
import { becauseOf } from './held-releases.ts';
import type { Reporter } from './reports/reporter.ts';
import type { Prepared, TrackRotation } from './track-releases.ts';

export type NewsParts = Readonly<{
  ports: AgentPorts;
  reporter: Reporter;
  tracks: readonly TrackRotation[];
  /** Of the pins that are trusted now; 0 before there are any. */
  pinsVersion: () => number;
  failed: (error: unknown) => void;
}>;

/** What an agent says of what became of releases: each thing once, to its own process and, signed, to the coordinator. */
export class News {
  readonly #parts: NewsParts;
  readonly #faults = new Map<TrackId | undefined, Faulted>();
  /** What was last reported of a track, so that the hourly signature is no news. */
  readonly #said = new Map<TrackId, string>();
  readonly #background = new Set<Promise<void>>();

  constructor(parts: NewsParts) {
    this.#parts = parts;
  }

  /** The last refusal of a track, or of the metadata for all, that nothing has mended since. */
  faultOf(track: TrackId | undefined): Faulted | undefined {
    return this.#faults.get(track);
  }

  mended(track: TrackId | undefined): void {
    this.#faults.delete(track);
  }

  /** Resolves once all reports of refusals are with the reporter. */
  async settled(): Promise<void> {
    await Promise.all(this.#background);
  }

  /** What was committed of a track: installed, kept, in shadow, and which pins were overruled. */
  async tell(
    rotation: TrackRotation,
    { live, resolution }: Prepared,
    { pins }: ReleaseProposal,
    committed: Readonly<{ swapped: boolean; before: number | null; shadowStarted: boolean }>,
  ): Promise<void> {
    const { track } = rotation;
    const { target } = live.release;
    for (const { pin, why } of resolution.overruled) {
      this.#parts.ports.report({ kind: 'overruled', track, pinId: pin.pinId, why });
    }
    if (committed.swapped) {
      const because = becauseOf(resolution);
      this.#parts.ports.report({
        kind: 'installed',
        track,
        version: target.version,
        before: committed.before,
        because,
      });
    }
    const news = JSON.stringify([target.version, becauseOf(resolution), pins.version]);
    if (committed.swapped || this.#said.get(track) !== news) {
      const outcome = committed.swapped ? 'installed' : 'kept';
      await this.#parts.reporter.acknowledge({ track, target, outcome, faultCode: '', pinsVersion: pins.version });
    }
    this.#said.set(track, news);
    if (committed.shadowStarted && rotation.shadow !== undefined) {
      const { version } = rotation.shadow;
      this.#parts.ports.report({ kind: 'shadowing', track, version, live: target.version });
      const word = { track, target: rotation.shadow, outcome: 'shadowing', faultCode: '' } as const;
      await this.#parts.reporter.acknowledge({ ...word, pinsVersion: pins.version });
    }
  }

  /** A refusal costs nothing that runs. It is told once, until something else happens. */
  refused(rotation: TrackRotation | undefined, fault: Fault, target?: ReleaseTarget): void {
    const known = this.#faults.get(rotation?.track);
    const version = target?.version;
    this.#faults.set(rotation?.track, { fault, version, atMs: this.#parts.ports.timers.now() });
    if (known?.fault.code === fault.code && known.version === version) return;
    this.#parts.ports.report({ kind: 'refused', track: rotation?.track, version, fault });
    const pinsVersion = this.#parts.pinsVersion();
    // Refused metadata names no version that could be believed: the report names what runs instead.
    for (const one of rotation === undefined ? this.#parts.tracks : [rotation]) {
      const about = target ?? one.live;
      if (about === undefined) continue;
      this.#said.delete(one.track);
      const word = { track: one.track, target: about, outcome: 'refused', faultCode: fault.code } as const;
      this.#inBackground(this.#parts.reporter.acknowledge({ ...word, pinsVersion }));
    }
  }

  #inBackground(work: Promise<void>): void {
    const done = work.catch((error) => this.#parts.failed(error)).finally(() => this.#background.delete(done));
    this.#background.add(done);
  }
}
