import type { EpochMs } from '../../../base/time.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { ResponseStanding } from './response-standing.ts';

export type HeardStanding = ResponseStanding &
  Readonly<{
    heardAtMs: EpochMs;
    /** Grows with each standing that says something else than the one before. */
    revision: number;
  }>;

/** An agent tells every five minutes: of one that was silent for so long nobody knows how it stands. */
const freshMs = 15 * 60_000;

/** How each cluster's response agent stands, as it told last. In memory alone: agents tell everything anew. */
export class ResponseBoard {
  readonly #standings = new Map<ClusterId, HeardStanding>();
  #revision = 0;

  /** What a cluster tells takes the place of what it told before. */
  hear(cluster: ClusterId, standing: ResponseStanding, nowMs: EpochMs): void {
    const before = this.#standings.get(cluster);
    const isSame = before !== undefined && textOf(before) === textOf(standing);
    if (!isSame) this.#revision += 1;
    const revision = isSame ? before.revision : this.#revision;
    this.#standings.set(cluster, { ...standing, heardAtMs: nowMs, revision });
  }

  /** As it was told last, however long ago; undefined where nobody told. */
  of(cluster: ClusterId): HeardStanding | undefined {
    return this.#standings.get(cluster);
  }

  /** The same, where it was told lately. */
  fresh(cluster: ClusterId, nowMs: EpochMs): HeardStanding | undefined {
    const standing = this.#standings.get(cluster);
    return standing !== undefined && nowMs - standing.heardAtMs <= freshMs ? standing : undefined;
  }
}

function textOf({ quarantine, rotation }: ResponseStanding): string {
  return JSON.stringify({ quarantine, rotation });
}
