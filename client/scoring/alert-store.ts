import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing, makeFolder, privateFolderMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { appendLine } from '../../base/text/append-line.ts';
import { newestLines } from '../../base/text/newest-lines.ts';
import { openRecord, type RecordKey, sealRecord } from '../storage/sealed-record.ts';
import type { ExampleCodec } from '../tracks/example-codec.ts';
import { type Alert, alertIn } from './alert.ts';

/** So many of the newest lines may be those that a kill left without their examples: more than are ever being raised at once. */
const cutShortMax = 1_024;

/**
 * One track's alerts as JSON lines for people and pipelines, and for each the example that raised it, encrypted, so that
 * feedback can make it one to learn from later. The newest `keep` examples are kept.
 */
export class AlertStore {
  readonly #folder: string;
  readonly #file: string;
  readonly #key: RecordKey;
  readonly #codec: ExampleCodec;
  readonly #keep: number;
  /** Ids of the newest lines that the file had when this process first wrote to it. */
  #before: Promise<ReadonlySet<string>> | undefined;
  /** By id: alerts that are being raised. */
  readonly #raising = new Map<string, Promise<boolean>>();
  /** Hears each alert once it is in the file. */
  onRaised: (alert: Alert) => void = () => {};

  constructor(folder: string, file: string, key: RecordKey, codec: ExampleCodec, keep = 5_000) {
    this.#folder = folder;
    this.#file = file;
    this.#key = key;
    this.#codec = codec;
    this.#keep = keep;
  }

  /** False when this very alert was raised before. One whose raising a kill cut short is completed, and not written down again. */
  async raise(alert: Alert, example: unknown): Promise<boolean> {
    // Two sensors, or one that did not hear the answer, may tell of it at the same time.
    for (let other = this.#raising.get(alert.id); other !== undefined; other = this.#raising.get(alert.id)) {
      await other.catch(() => undefined); // Where that one failed, this one tries.
    }
    const raising = this.#raise(alert, example);
    this.#raising.set(alert.id, raising);
    try {
      return await raising;
    } finally {
      this.#raising.delete(alert.id);
    }
  }

  async #raise(alert: Alert, example: unknown): Promise<boolean> {
    const path = this.#path(alert.id);
    if (await exists(path)) return false;
    makeFolder(dirname(this.#file), privateFolderMode);
    this.#before ??= newestIds(this.#file);
    if (!(await this.#before).has(alert.id)) {
      await appendLine(this.#file, JSON.stringify(alert));
    }
    await writeFileAtomic(path, sealRecord(this.#key, this.#codec.encode(example), alert.id));
    this.onRaised(alert);
    await this.#prune();
    return true;
  }

  async example(id: string): Promise<Result<unknown, 'ALERT_NOT_FOUND' | 'ALERT_UNREADABLE'>> {
    let sealed: Buffer;
    try {
      sealed = await readFile(this.#path(id));
    } catch (error) {
      if (isMissing(error)) return refuse('ALERT_NOT_FOUND', `alert ${id}: unknown, or too old to take feedback`);
      throw error;
    }
    const opened = openRecord(this.#key, sealed, id);
    const decoded = opened.ok ? this.#codec.decode(opened.value) : opened;
    return decoded.ok ? ok(decoded.value) : refuse('ALERT_UNREADABLE', `alert ${id}: ${decoded.fault.message}`);
  }

  async #prune(): Promise<void> {
    const names = await readdir(this.#folder);
    if (names.length <= this.#keep + this.#keep / 10) return;
    const found = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#folder, name);
        const ms = await writtenMsOf(path);
        return ms === undefined ? [] : [{ path, ms }];
      }),
    );
    const files = found.flat();
    files.sort((a, b) => b.ms - a.ms);
    await Promise.all(files.slice(this.#keep).map(({ path }) => rm(path, { force: true })));
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.sealed`);
  }
}

/** Where a client keeps the examples of its alerts: a folder for each track. */
export function alertFolder(dataDir: string, track = ''): string {
  return join(dataDir, 'alerts', track);
}

async function newestIds(path: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const line of newestLines(path)) {
    const alert = alertIn(line);
    if (alert !== undefined && ids.add(alert.id).size >= cutShortMax) break;
  }
  return ids;
}

async function exists(path: string): Promise<boolean> {
  return (await writtenMsOf(path)) !== undefined;
}

/** undefined for what is not there, as what another alert's raising has removed or renamed meanwhile. */
async function writtenMsOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
