import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDiskFull, isMissing, makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { Turns } from '../../base/waiting/turns.ts';
import { openRecord, type RecordKey, sealRecord } from '../storage/sealed-record.ts';

/** What waits: alerts before all else, then ordinary records, each oldest first. */
export type SpoolClass = 'alert' | 'ordinary';

export type SpoolRecord = Readonly<{ name: string; class: SpoolClass; bytes: number }>;

export type SpoolFaultCode = 'SPOOL_FULL' | 'SPOOL_UNWRITABLE';

export type SpoolCounts = Readonly<{
  bytes: number;
  records: number;
  /** Ordinary records that were given up for newer ones or for alerts. */
  ordinaryDropped: number;
  /** Alerts that found no room even so. */
  alertsDropped: number;
}>;

/** How a record's bytes reach the disk; another one stands in for a disk that is full. */
export type WriteRecord = (path: string, bytes: Uint8Array, durable: boolean) => Promise<void>;

const named = /^(alert|ordinary)-(\d{15}-[0-9a-f]{8})\.sealed$/;
/** Alerts that the disk refuses are held in memory, so many. */
const heldMax = 1_024;

type Held = SpoolRecord & { readonly payload: Uint8Array };

/**
 * What a sensor has to tell and could not yet, on disk and sealed: an hour without a hub costs no alert. Bounded: ordinary
 * records give way, oldest first, to alerts and to newer ones; every record that is given up is counted.
 */
export class Spool {
  readonly #folder: string;
  readonly #key: RecordKey;
  readonly #bytesMax: number;
  readonly #now: () => number;
  readonly #write: WriteRecord;
  /** By name, which begins with the time: oldest first. */
  readonly #waiting: Record<SpoolClass, SpoolRecord[]> = { alert: [], ordinary: [] };
  readonly #held = new Map<string, Held>();
  #bytes = 0;
  #lastMs = 0;
  #dropped = { ordinary: 0, alert: 0 };
  readonly #writing = new Turns();

  private constructor(
    parts: Readonly<{ folder: string; key: RecordKey; bytesMax: number; now: () => number; write: WriteRecord }>,
  ) {
    this.#folder = parts.folder;
    this.#key = parts.key;
    this.#bytesMax = parts.bytesMax;
    this.#now = parts.now;
    this.#write = parts.write;
  }

  /** With what an earlier run left. */
  static async open(
    folder: string,
    key: RecordKey,
    { bytesMax, now, write = writeToDisk }: Readonly<{ bytesMax: number; now: () => number; write?: WriteRecord }>,
  ): Promise<Spool> {
    const spool = new Spool({ folder, key, bytesMax, now, write });
    makeFolder(folder, privateFolderMode);
    for (const file of (await readdir(folder)).sort()) {
      const [, kind, name] = named.exec(file) ?? [];
      if (kind === undefined || name === undefined) continue;
      const { size } = await stat(join(folder, file));
      spool.#waiting[kind as SpoolClass].push({ name, class: kind as SpoolClass, bytes: size });
      spool.#bytes += size;
      spool.#lastMs = Math.max(spool.#lastMs, Number.parseInt(name, 10));
    }
    return spool;
  }

  counts(): SpoolCounts {
    return {
      bytes: this.#bytes,
      records: this.#waiting.alert.length + this.#waiting.ordinary.length + this.#held.size,
      ordinaryDropped: this.#dropped.ordinary,
      alertsDropped: this.#dropped.alert,
    };
  }

  /** An alert is on disk when this resolves, or held in memory where the disk takes nothing; an ordinary record may be lost in a power cut. */
  put(kind: SpoolClass, payload: Uint8Array): Promise<Result<undefined, SpoolFaultCode>> {
    return this.#writing.take(() => this.#put(kind, payload));
  }

  /** What is to be told next; undefined where nothing waits. It stays until it is removed. */
  next(): SpoolRecord | undefined {
    const [held] = this.#held.values();
    return this.#waiting.alert[0] ?? held ?? this.#waiting.ordinary[0];
  }

  /** Its bytes; undefined for one that does not open, which no attempt can mend. */
  async read(record: SpoolRecord): Promise<Uint8Array | undefined> {
    const held = this.#held.get(record.name);
    if (held !== undefined) return held.payload;
    const sealed = await readFile(this.#path(record)).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (sealed === undefined) return undefined;
    const opened = openRecord(this.#key, sealed, record.name);
    return opened.ok ? opened.value : undefined;
  }

  async remove(record: SpoolRecord): Promise<void> {
    if (this.#held.delete(record.name)) return;
    const waiting = this.#waiting[record.class];
    const at = waiting.findIndex(({ name }) => name === record.name);
    if (at < 0) return;
    waiting.splice(at, 1);
    this.#bytes -= record.bytes;
    await rm(this.#path(record), { force: true });
  }

  /** Resolves when everything that was put is where it can be. */
  async settled(): Promise<void> {
    await this.#writing.settled();
  }

  async #put(kind: SpoolClass, payload: Uint8Array): Promise<Result<undefined, SpoolFaultCode>> {
    this.#lastMs = Math.max(this.#lastMs + 1, this.#now());
    const name = `${String(this.#lastMs).padStart(15, '0')}-${randomBytes(4).toString('hex')}`;
    const sealed = sealRecord(this.#key, payload, name);
    const record = { name, class: kind, bytes: sealed.length };
    while (this.#bytes + sealed.length > this.#bytesMax) if (!(await this.#giveUpOldest())) break;
    if (this.#bytes + sealed.length > this.#bytesMax) {
      this.#dropped[kind] += 1;
      return refuse('SPOOL_FULL', `the spool holds ${this.#bytesMax} bytes of alerts already; bring the hub back`);
    }
    for (;;) {
      try {
        await this.#write(this.#path(record), sealed, kind === 'alert');
        this.#waiting[kind].push(record);
        this.#bytes += sealed.length;
        return ok(undefined);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // On a full disk each ordinary record that goes makes room for this one; on one that fails, none does.
        if (kind === 'alert' && isDiskFull(error) && (await this.#giveUpOldest())) continue;
        return this.#unwritten(record, payload, code);
      }
    }
  }

  #unwritten(record: SpoolRecord, payload: Uint8Array, code: string | undefined): Result<undefined, SpoolFaultCode> {
    if (record.class === 'alert' && this.#held.size < heldMax) this.#held.set(record.name, { ...record, payload });
    else this.#dropped[record.class] += 1;
    return refuse('SPOOL_UNWRITABLE', `${this.#folder} takes no records (${code}); make room on its disk`);
  }

  async #giveUpOldest(): Promise<boolean> {
    const oldest = this.#waiting.ordinary[0];
    if (oldest === undefined) return false;
    // A disk on which nothing can be deleted keeps it for a restart, which tells it after all.
    await this.remove(oldest).catch(() => undefined);
    this.#dropped.ordinary += 1;
    return true;
  }

  #path({ class: kind, name }: SpoolRecord): string {
    return join(this.#folder, `${kind}-${name}.sealed`);
  }
}

async function writeToDisk(path: string, bytes: Uint8Array, durable: boolean): Promise<void> {
  await writeFileAtomic(path, bytes, { durable });
}
