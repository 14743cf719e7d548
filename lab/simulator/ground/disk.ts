import type { Snapshot } from '../../../coordinator/ledger/journal/journal.ts';
import { MemoryMedium } from '../../../coordinator/ledger/journal/memory-store.ts';
import type { Digest } from '../../../proto/ids.ts';
import type { Draws } from '../world/draws.ts';
import type { SimulatedProcess } from '../world/process.ts';
import { comesNow, type DueWrite } from './due-write.ts';

/** How a disk is at present. `eio`: reads, writes and syncs fail, and nobody knows what of a write there is. */
export type DiskMood = 'well' | 'slow' | 'full' | 'eio';

export type DiskFault = 'DISK_FULL' | 'EIO';

/** What an operation may do to the medium. `part`: how much of it a crash let through, 0 to 1; 1 when all went well. */
type Operation = { apply: (part: number) => void; isApplied: boolean };

type Due = DueWrite & Readonly<{ of: 'any' | 'journal' }>;

const syncMs = { low: 1, high: 12 };
const slowFactor = 400;

/**
 * A machine's disk. Operations take simulated time; one that is under way when its process dies took place or did not,
 * and what was not synced may be there in part.
 */
export class Disk {
  readonly name: string;
  readonly #draws: Draws;
  mood: DiskMood = 'well';
  /** Operations until the process that asks for the last of them is killed, before or after it took place. */
  kills: Due | undefined;
  /** Writes until one that fails. */
  fails: (Due & Readonly<{ mood: 'full' | 'eio' }>) | undefined;
  readonly #underWay = new Map<SimulatedProcess, Set<Operation>>();

  constructor(name: string, draws: Draws) {
    this.name = name;
    this.#draws = draws;
  }

  /** Resolves once the medium has it, or with what went wrong. Never, where the process dies meanwhile. */
  operate(
    process: SimulatedProcess,
    kind: 'read' | 'write' | 'free' | 'journal',
    apply: (part: number) => void,
  ): Promise<DiskFault | undefined> {
    const draw = `disk ${this.name}`;
    const { promise, resolve } = Promise.withResolvers<DiskFault | undefined>();
    const operation: Operation = { apply, isApplied: false };
    const underWay = this.#underWayOf(process);
    underWay.add(operation);
    const takesMs = this.#draws.between(draw, syncMs.low, syncMs.high) * (this.mood === 'slow' ? slowFactor : 1);
    const isWrite = kind === 'write' || kind === 'journal';
    const counts = (due: Due | undefined) => isWrite && (due?.of !== 'journal' || kind === 'journal');
    const kills = counts(this.kills) && comesNow(this.kills);
    if (kills) this.kills = undefined;
    const failing = counts(this.fails) && comesNow(this.fails) ? this.fails?.mood : undefined;
    if (failing !== undefined) this.fails = undefined;
    const atPart = this.#draws.of(draw)();
    process.deliver(takesMs * atPart, () => {
      const now = failing ?? this.mood;
      if (now === 'eio' || (now === 'full' && isWrite)) {
        underWay.delete(operation);
        // A failed write may be on the medium all the same; a full disk says so before it takes anything.
        if (now === 'eio' && kind !== 'read') this.#leave(operation);
        process.deliver(takesMs * (1 - atPart), () => resolve(now === 'full' ? 'DISK_FULL' : 'EIO'));
        return;
      }
      operation.isApplied = true;
      apply(1);
      process.deliver(takesMs * (1 - atPart), () => {
        underWay.delete(operation);
        resolve(undefined);
      });
    });
    if (kills) process.world.after(takesMs * this.#draws.of(draw)(), () => process.kill());
    return promise;
  }

  #underWayOf(process: SimulatedProcess): Set<Operation> {
    let set = this.#underWay.get(process);
    if (set === undefined) {
      const operations = new Set<Operation>();
      set = operations;
      this.#underWay.set(process, operations);
      process.onDeath(() => {
        for (const operation of operations) if (!operation.isApplied) this.#leave(operation);
        this.#underWay.delete(process);
      });
    }
    return set;
  }

  #leave(operation: Operation): void {
    const draw = this.#draws.of(`torn ${this.name}`)();
    if (draw >= 0.4) operation.apply(draw >= 0.7 ? 1 : (draw - 0.4) / 0.3);
  }
}

/** What of a coordinator lies on disk. */
export class CoordinatorImage {
  journal = new MemoryMedium();
  blobs = new Map<Digest, Uint8Array<ArrayBuffer>>();
  /** Uploads that are not whole, by name: what of them came. */
  uploads = new Map<string, Uint8Array<ArrayBuffer>>();
  keys = new Map<string, Uint8Array>();

  /** Bytes are shared: nobody changes them in place. */
  copy(): CoordinatorImage {
    const copy = new CoordinatorImage();
    copy.journal.rows = [...this.journal.rows];
    copy.journal.snapshot = this.journal.snapshot as Snapshot | undefined;
    copy.journal.epoch = this.journal.epoch;
    copy.blobs = new Map(this.blobs);
    copy.uploads = new Map(this.uploads);
    copy.keys = new Map(this.keys);
    return copy;
  }
}
