import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile, isMissing, makeFolder, privateFolderMode } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Digest } from '../../proto/ids.ts';
import { attemptMsFor, type DownloadFaultCode, download } from '../link/download.ts';
import { digestOfFile } from '../storage/digest-of-file.ts';
import type { Carrier, RoundCalls } from './round-calls.ts';

export type FetchOptions = Readonly<{
  digest: Digest;
  /** From the checked invitation: what the spec implies. */
  sizeBytes: number;
  signal: AbortSignal;
  /** The transfer is given up after this long without a chunk. */
  stallMs: number;
  /** An attempt ends when it is slower than this on average, ten seconds aside; the next goes on where it ended. */
  bytesPerSecondMin: number;
  timers: Timers;
  /** Goes with the call. */
  carrier?: Carrier;
}>;

/** Models by digest, on disk. A `.part` file is a download that can go on; a whole file was verified when it was named. */
export class ModelCache {
  readonly #folder: string;
  readonly #keep: number;

  /** Keeps the `keep` models used last. */
  constructor(folder: string, keep = 4) {
    this.#folder = folder;
    this.#keep = keep;
  }

  path(digest: Digest): string {
    return join(this.#folder, `${digest.slice('sha256:'.length)}.f32`);
  }

  /** The path of the model's bytes, which have this digest: from disk, or fetched from where an earlier attempt ended. */
  async fetch(
    calls: Pick<RoundCalls, 'fetch'>,
    options: FetchOptions,
  ): Promise<Result<string, DownloadFaultCode<'MODEL'> | 'MODEL_DIGEST_MISMATCH'>> {
    const { digest, sizeBytes } = options;
    const path = this.path(digest);
    makeFolder(this.#folder, privateFolderMode);
    if (await isUsed(path, options)) return ok(path);
    const part = `${path}.part`;
    // Before the first byte: whoever begins downloads and never ends one must not fill the disk with beginnings.
    await this.#dropBeginnings(part);
    const attemptMs = attemptMsFor(sizeBytes, options.stallMs, options.bytesPerSecondMin);
    const openAt = (offset: bigint) => calls.fetch({ digest, offset }, options.carrier ?? {});
    const received = await download(part, openAt, { ...options, attemptMs, name: digest, kind: 'MODEL' });
    if (!received.ok) return received;
    try {
      if ((await digestOfFile(part)) !== digest) {
        await rm(part, { force: true });
        return refuse('MODEL_DIGEST_MISMATCH', `the bytes of ${digest} have another digest; they were thrown away`);
      }
      await commitFile(part, path);
    } catch (error) {
      // A fetch for another round began meanwhile, and removed what this one had.
      if (isMissing(error)) return refuse('MODEL_TRUNCATED', `another download took the place of ${digest}`);
      throw error;
    }
    await this.#prune(path);
    return ok(path);
  }

  async #dropBeginnings(wanted: string): Promise<void> {
    const beginnings = (await readdir(this.#folder)).filter((name) => name.endsWith('.part'));
    const others = beginnings.map((name) => join(this.#folder, name)).filter((path) => path !== wanted);
    await Promise.all(others.map((path) => rm(path, { force: true })));
  }

  async #prune(newest: string): Promise<void> {
    const files = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name);
        return { path, usedMs: path === newest ? Number.POSITIVE_INFINITY : await usedMsOf(path) };
      }),
    );
    files.sort((a, b) => b.usedMs - a.usedMs);
    await Promise.all(files.slice(this.#keep).map(({ path }) => rm(path, { force: true })));
  }
}

/** Marks it as used now, if it is there and whole. A fetch for another round may remove it at any time before. */
async function isUsed(path: string, { digest, sizeBytes, timers }: FetchOptions): Promise<boolean> {
  try {
    if ((await stat(path)).size !== sizeBytes || (await digestOfFile(path)) !== digest) return false;
    const now = new Date(timers.now());
    await utimes(path, now, now);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** 0 where it was removed meanwhile. */
async function usedMsOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
