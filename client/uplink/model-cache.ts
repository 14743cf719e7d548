import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../../proto/fault.ts';
import type { FederationClient } from '../../proto/generated/testudo/v1/federation.ts';
import type { Digest } from '../../proto/ids.ts';
import { isMissing, privateFileMode, privateFolderMode, syncFolder } from '../storage/atomic-file.ts';
import { faultOfError } from './call.ts';

export type FetchOptions = Readonly<{
  digest: Digest;
  /** From the checked invitation: what the spec implies. */
  sizeBytes: number;
  signal: AbortSignal;
  /** The transfer is given up after this long without a chunk. */
  stallMs: number;
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
  async fetch(client: FederationClient, options: FetchOptions): Promise<Result<string>> {
    const { digest, sizeBytes } = options;
    const path = this.path(digest);
    await mkdir(this.#folder, { recursive: true, mode: privateFolderMode });
    if ((await sizeOf(path)) === sizeBytes && (await digestOfFile(path)) === digest) {
      const now = new Date();
      await utimes(path, now, now);
      return ok(path);
    }
    const part = `${path}.part`;
    const received = await download(client, part, options);
    if (!received.ok) return received;
    if ((await digestOfFile(part)) !== digest) {
      await rm(part, { force: true });
      return refuse('MODEL_DIGEST_MISMATCH', `the bytes of ${digest} have another digest; they were thrown away`);
    }
    await rename(part, path);
    await syncFolder(this.#folder);
    await this.#prune(path);
    return ok(path);
  }

  async #prune(newest: string): Promise<void> {
    const files = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name);
        return { path, usedMs: path === newest ? Number.POSITIVE_INFINITY : (await stat(path)).mtimeMs };
      }),
    );
    files.sort((a, b) => b.usedMs - a.usedMs);
    await Promise.all(files.slice(this.#keep).map(({ path }) => rm(path, { force: true })));
  }
}

/** Appends to `part` until it has the model's size. */
async function download(
  client: FederationClient,
  part: string,
  { digest, sizeBytes, signal, stallMs }: FetchOptions,
): Promise<Result<undefined>> {
  const file = await open(part, 'a', privateFileMode);
  try {
    let position = (await file.stat()).size;
    if (position > sizeBytes) {
      await file.truncate(0);
      position = 0;
    }
    if (position === sizeBytes) return ok(undefined);
    const call = client.fetchModel({ digest, offset: BigInt(position) });
    const abort = () => call.cancel();
    signal.addEventListener('abort', abort, { once: true });
    let stalled = false;
    const watchdog = setTimeout(() => {
      stalled = true;
      call.cancel();
    }, stallMs);
    try {
      for await (const { offset, sizeBytes: claimed, chunk } of call) {
        watchdog.refresh();
        if (offset !== BigInt(position) || claimed !== BigInt(sizeBytes) || position + chunk.length > sizeBytes) {
          return refuse(
            'MODEL_CHUNK_OUT_OF_PLACE',
            `chunk at ${offset} of ${claimed}; expected ${position} of ${sizeBytes}`,
          );
        }
        await file.appendFile(chunk);
        position += chunk.length;
      }
    } catch (error) {
      if (stalled) return refuse('MODEL_STALLED', `no chunk of ${digest} for ${stallMs} ms`);
      return { ok: false, fault: faultOfError(error) };
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener('abort', abort);
      call.cancel();
    }
    if (position < sizeBytes) return refuse('MODEL_TRUNCATED', `${position} of ${sizeBytes} bytes arrived`);
    await file.sync();
    return ok(undefined);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest('hex')}` as Digest;
}
