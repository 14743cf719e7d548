import { watchdogMs } from '../players/coordinator.ts';
import { attemptsMax } from '../players/services.ts';
import type { Stage } from './stage.ts';

/** A coordinator that has been well for so long has done what was due. */
const graceMs = 180_000;
/** Where its clock was set, timers come at the wrong moment and its watchdog's next look puts that right. */
const clockGraceMs = watchdogMs + graceMs;

/** What holds at every moment of whatever lies on the coordinator's disk and whoever serves. */
export class StandingWatch {
  readonly #stage: Stage;
  #wellSinceMs = 0;
  /** Who has been well since, and how its clock stands. */
  #wellEpoch: number | undefined;
  #wellAheadMs = 0;
  #clockAheadMs: number;
  #epoch = 0;
  #entries = -1;
  #blobs = -1;
  #uploads = -1;
  readonly #begun = new Set<string>();
  /** Uploads begun, by track, round, cluster and epoch. */
  readonly #counts = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#clockAheadMs = stage.clock.aheadMs;
  }

  look(): void {
    const { image, journal, damaged, clock } = this.#stage;
    if (image.journal.epoch !== this.#epoch) {
      if (damaged !== undefined && image.journal.epoch > damaged.epoch) {
        this.#stage.report('DAMAGE_UNSEEN', `epoch ${image.journal.epoch} opens over a damaged line`);
      }
      this.#epoch = image.journal.epoch;
      this.#clockAheadMs = clock.aheadMs;
    }
    this.#lookForOverdue();
    this.#lookForRollBack();
    this.#lookForUploads();
    this.#lookForStreams();
    // What is accepted changes with the lines, and what there is of it with the blobs.
    if (journal.length !== this.#entries || image.blobs.size !== this.#blobs) this.#lookForBytes();
    this.#entries = journal.length;
    this.#blobs = image.blobs.size;
  }

  /** I6: a cluster that comes again takes the place of its earlier stream, whether the coordinator has noticed the end of that or not. */
  #lookForStreams(): void {
    for (const { host } of this.#stage.coordinators) {
      for (const [cluster, count] of host?.services.served.flatMap((open) => [...open]) ?? []) {
        if (count > 1) this.#stage.report('STREAMS_UNCAPPED', `${count} streams of one kind of ${cluster}`);
      }
    }
  }

  /** I8: a round is not open much longer than its deadline while a coordinator is well. */
  #lookForOverdue(): void {
    const { world, coordinators, disk, clock, journal, image, database } = this.#stage;
    const host = coordinators[0]?.host;
    const rival = coordinators[1]?.process?.isAlive === true;
    // One that another has fenced learns of it at its next write, of a timestamp at the latest.
    const isLeader = host?.services.engine.epoch === image.journal.epoch;
    const isGroundWell = disk.mood === 'well' && database?.isWell !== false;
    const isWell = isLeader && host.process.isAlive && !host.process.isPaused && isGroundWell && !rival;
    const epoch = isWell ? host.services.engine.epoch : undefined;
    if (epoch === undefined || epoch !== this.#wellEpoch || clock.aheadMs !== this.#wellAheadMs) {
      this.#wellEpoch = epoch;
      this.#wellAheadMs = clock.aheadMs;
      this.#wellSinceMs = world.nowMs;
    }
    const { open } = journal.rounds;
    const waitMs = this.#clockAheadMs === clock.aheadMs ? graceMs : clockGraceMs;
    if (open === undefined || world.nowMs - this.#wellSinceMs < waitMs) return;
    const overdueMs = world.nowMs + clock.aheadMs - open.deadlineMs;
    if (overdueMs > waitMs) {
      this.#stage.report(
        'ROUND_OVERDUE',
        `${open.round} is ${open.phase} ${Math.round(overdueMs)} ms after its deadline`,
      );
    }
  }

  /** P5: nobody writes on where a server leads that lacks what was acknowledged. */
  #lookForRollBack(): void {
    const { database: ground } = this.#stage;
    if (ground?.rolledBack === undefined) return;
    const { rows, epoch } = ground.database.primary.journal;
    if (rows.length > ground.rolledBack.rows || epoch > ground.rolledBack.epoch) {
      this.#stage.report('ROLL_BACK_UNSEEN', `line ${rows.length} follows what lacks acknowledged ones`);
    }
  }

  /** I6: what a peer begins in a round lies on disk, and is bounded for each life of a coordinator; two may be alive. */
  #lookForUploads(): void {
    const { uploads, journal } = this.#stage.image;
    if (uploads.size === this.#uploads) return;
    this.#uploads = uploads.size;
    for (const name of uploads.keys()) {
      if (this.#begun.has(name)) continue;
      this.#begun.add(name);
      const of = `${name.slice(0, name.lastIndexOf('.'))} in epoch ${journal.epoch}`;
      const count = (this.#counts.get(of) ?? 0) + 1;
      this.#counts.set(of, count);
      if (count > 2 * attemptsMax) this.#stage.report('UPLOADS_UNCAPPED', `${of}: ${count} uploads begun`);
    }
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
