import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile, isMissing, makeFolder, privateFolderMode } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { ChunkFaultCode } from '../../proto/chunk-encoding.ts';
import type { Digest } from '../../proto/ids.ts';
import { attemptMsFor, type DownloadFaultCode, download } from '../link/download.ts';
import { digestOfFile } from '../storage/digest-of-file.ts';
import type { ReleaseCalls } from './release-calls.ts';

export type FetchCalls = Pick<ReleaseCalls, 'fetch'>;

export type WantedFile = Readonly<{ digest: Digest; bytes: number }>;

export type FetchPace = Readonly<{
  signal: AbortSignal;
  timers: Timers;
  /** An attempt ends after this long without a byte. */
  stallMs: number;
  /** An attempt ends when it is slower than this on average, ten seconds aside; the next goes on where it ended. */
  bytesPerSecondMin: number;
}>;

/** Beginnings of files that are kept: a few for each track. */
const beginningsMax = 16;

export type FetchFileFaultCode = ChunkFaultCode | DownloadFaultCode<'FILE'> | 'FILE_MISSING' | 'FILE_DIGEST';

/** A transfer that runs, and what ends it. */
type Coming = Readonly<{ result: Promise<Result<string, FetchFileFaultCode>>; signal: AbortSignal }>;

/** Files of releases by digest. A `.part` file is a download that can go on. Whoever fetches the same file joins the transfer that runs. */
export class ReleaseFiles {
  readonly #folder: string;
  readonly #coming = new Map<Digest, Coming>();
  #ahead: ReadonlySet<Digest> = new Set();

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(digest: Digest): string {
    return join(this.#folder, nameOfDigest(digest));
  }

  /** Keeps these too, whatever else is removed, until the next word. */
  keepAhead(digests: ReadonlySet<Digest>): void {
    this.#ahead = digests;
  }

  /** The file's path once its length and digest were checked: as it lies on disk now, or fetched. */
  async fetch(
    calls: FetchCalls | undefined,
    wanted: WantedFile,
    pace: FetchPace,
  ): Promise<Result<string, FetchFileFaultCode>> {
    const { digest } = wanted;
    if (calls === undefined) {
      if (await this.#isWhole(wanted)) return ok(this.path(digest));
      return refuse('FILE_MISSING', `${digest} is not on this machine; it will be fetched`);
    }
    const running = this.#coming.get(digest);
    if (running !== undefined) {
      const joined = await running.result;
      // Whoever began it was told to stop: that is no fault of the file's, and nobody else's end.
      const isCut = !joined.ok && running.signal.aborted && !pace.signal.aborted;
      return isCut ? await this.fetch(calls, wanted, pace) : joined;
    }
    const result = this.#fetch(calls, wanted, pace);
    this.#coming.set(digest, { result, signal: pace.signal });
    try {
      return await result;
    } finally {
      this.#coming.delete(digest);
    }
  }

  async #fetch(calls: FetchCalls, wanted: WantedFile, pace: FetchPace): Promise<Result<string, FetchFileFaultCode>> {
    const { digest, bytes } = wanted;
    const path = this.path(digest);
    if (await this.#isWhole(wanted)) return ok(path);
    makeFolder(this.#folder, privateFolderMode);
    const part = `${path}.part`;
    await this.#dropBeginnings(part);
    const { signal, timers, stallMs, bytesPerSecondMin } = pace;
    const received = await download(part, (offset) => calls.fetch({ digest, offset }), {
      name: digest,
      kind: 'FILE',
      sizeBytes: bytes,
      signal,
      timers,
      stallMs,
      attemptMs: attemptMsFor(bytes, stallMs, bytesPerSecondMin),
    });
    if (!received.ok) return received;
    if ((await digestOfFile(part)) !== digest) {
      await rm(part, { force: true });
      return refuse('FILE_DIGEST', `the bytes that came for ${digest} have another digest; they were thrown away`);
    }
    await commitFile(part, path);
    return ok(path);
  }

  /**
   * Before the first byte of another: a coordinator that begins files and never ends one must not fill the disk with beginnings.
   * Those that were written to last stay, and what is on its way, however slowly.
   */
  async #dropBeginnings(wanted: string): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith('.part'));
    if (names.length < beginningsMax) return;
    const others = names
      .filter((name) => !this.#isComing(name))
      .map((name) => join(this.#folder, name))
      .filter((path) => path !== wanted);
    const found = await Promise.all(others.map(async (path) => ({ path, writtenMs: await writtenMsOf(path) })));
    found.sort((a, b) => b.writtenMs - a.writtenMs);
    await Promise.all(found.slice(beginningsMax - 1).map(({ path }) => rm(path, { force: true })));
  }

  /** Removes every other file, but what is on its way. */
  async keepOnly(digests: ReadonlySet<Digest>): Promise<void> {
    const keep = new Set([...digests, ...this.#ahead].map(nameOfDigest));
    let names: string[];
    try {
      names = await readdir(this.#folder);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    for (const name of names) {
      // Asked for each anew: the next transfer may have begun meanwhile, and what is wanted ahead have changed.
      if (!keep.has(name) && !this.#isComing(name) && !isOf(this.#ahead, name))
        await rm(join(this.#folder, name), { force: true });
    }
  }

  #isComing(name: string): boolean {
    return isOf(this.#coming.keys(), name);
  }

  async #isWhole({ digest, bytes }: WantedFile): Promise<boolean> {
    const path = this.path(digest);
    try {
      if ((await stat(path)).size === bytes && (await digestOfFile(path)) === digest) return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    // Damaged where it lay: what is named by a digest must have it.
    await rm(path, { force: true });
    return false;
  }
}

/** A file of one of these, or its beginning. */
function isOf(digests: Iterable<Digest>, name: string): boolean {
  return [...digests].some((digest) => name.startsWith(nameOfDigest(digest)));
}

function nameOfDigest(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** 0 for what is gone meanwhile. */
async function writtenMsOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}
