import { attemptsMax } from '../players/services.ts';
import type { Stage } from './stage.ts';

/** A coordinator that has been well for so long has done what was due. */
const graceMs = 180_000;
const clustersCount = 4;

/** What holds at every moment of whatever lies on the coordinator's disk and whoever serves. */
export class StandingWatch {
  readonly #stage: Stage;
  #wellSinceMs = 0;
  #wellKey = '';
  #lives = 1;
  #epoch = 0;
  #entries = -1;
  #uploads = -1;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  look(): void {
    const { image, journal, damaged } = this.#stage;
    if (image.journal.epoch !== this.#epoch) {
      if (damaged !== undefined && image.journal.epoch > damaged.epoch) {
        this.#stage.report('DAMAGE_UNSEEN', `epoch ${image.journal.epoch} opens over a damaged line`);
      }
      this.#epoch = image.journal.epoch;
      this.#lives += 1;
    }
    this.#lookForOverdue();
    this.#lookForUploads();
    // Blobs go when something is journalled, or when the open round's end is swept: one look for each line is enough.
    if (journal.length !== this.#entries) this.#lookForBytes();
    this.#entries = journal.length;
    for (const { host } of this.#stage.coordinators) {
      if (host !== undefined && host.services.registry.followerCount > 3 * clustersCount) {
        this.#stage.report(
          'STREAMS_UNCAPPED',
          `${host.services.registry.followerCount} streams of ${clustersCount} clusters`,
        );
      }
    }
  }

  /** I8: a round is not open much longer than its deadline while a coordinator is well. */
  #lookForOverdue(): void {
    const { world, coordinators, disk, clock, journal } = this.#stage;
    const host = coordinators[0]?.host;
    const rival = coordinators[1]?.process?.isAlive === true;
    const isWell = host?.process.isAlive === true && !host.process.isPaused && disk.mood === 'well' && !rival;
    const key = isWell ? `${host.services.engine.epoch}/${clock.aheadMs}` : '';
    if (key !== this.#wellKey || key === '') {
      this.#wellKey = key;
      this.#wellSinceMs = world.nowMs;
    }
    const { open } = journal.rounds;
    if (open === undefined || world.nowMs - this.#wellSinceMs < graceMs) return;
    const overdueMs = world.nowMs + clock.aheadMs - open.deadlineMs;
    if (overdueMs > graceMs) {
      this.#stage.report(
        'ROUND_OVERDUE',
        `${open.round} is ${open.phase} ${Math.round(overdueMs)} ms after its deadline`,
      );
    }
  }

  /** I6: what peers begin and leave lies on disk, and is bounded. */
  #lookForUploads(): void {
    const { uploads } = this.#stage.image;
    if (uploads.size === this.#uploads) return;
    this.#uploads = uploads.size;
    const most = clustersCount * attemptsMax * this.#lives;
    if (uploads.size > most)
      this.#stage.report('UPLOADS_UNCAPPED', `${uploads.size} unfinished uploads of ${most} at most`);
  }

  /** I1: the bytes of a receipted update stay until its round has ended. */
  #lookForBytes(): void {
    const { journal, image, flipped } = this.#stage;
    const { open } = journal.rounds;
    if (open === undefined) return;
    for (const [cluster, { digest }] of open.accepted) {
      if (!image.blobs.has(digest) && !flipped.has(digest)) {
        this.#stage.report('RECEIPTED_BYTES_LOST', `${cluster} in ${open.round}: ${digest} is not on disk`);
      }
    }
  }
}
