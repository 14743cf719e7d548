import { randomInt } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { fullJitterMs } from '../../../base/backoff.ts';
import { FaultError, ok, type Result } from '../../../base/fault.ts';
import { pause } from '../../../base/pause.ts';
import type { Timers } from '../../../base/time.ts';
import { type Digest, isDigest } from '../../../proto/ids.ts';
import { type BucketFaultCode, bucketFault, mayPass, statusIn } from './bucket-faults.ts';
import type { BucketSettings, StoreHabits } from './bucket-settings.ts';
import { type Sdk, withStoreTime } from './client.ts';
import { sendFile } from './sent-file.ts';
import { type HeadAnswer, SignedHead } from './signed-head.ts';

/** A blob as the store tells of it. */
export type Stored = Readonly<{
  bytes: number;
  /** By the store's own clock alone; undefined where it does not say what time it is. */
  ageMs: number | undefined;
}>;

export type BucketParts = Readonly<{
  settings: BucketSettings;
  client: S3Client;
  sdk: Sdk;
  timers: Timers;
  /** As it was found at the start (probe.ts). */
  habits: StoreHabits;
}>;

type Answer<Value> = Promise<Result<Value, BucketFaultCode>>;

const never = new AbortController().signal;

/**
 * Blobs as objects `<prefix>blobs/<hex>`, one request each: an object is put whole, never in parts, so that no upload is left
 * half. Asks again where that may help, for a few seconds; what fails still is BLOB_IO.
 */
export class Bucket {
  readonly timers: Timers;
  readonly #parts: BucketParts;
  /** Absent where the store wants the bucket in the host's name: which hosts then serve whom is the SDK's to know. */
  readonly #heads: SignedHead | undefined;

  constructor(parts: BucketParts) {
    this.#parts = parts;
    this.timers = parts.timers;
    this.#heads = parts.settings.pathStyle ? new SignedHead(parts.settings, parts.timers) : undefined;
  }

  get name(): string {
    return this.#parts.settings.bucket;
  }

  keyOf(digest: Digest): string {
    return `${this.#parts.settings.prefix}blobs/${digest.slice('sha256:'.length)}`;
  }

  /** Puts a file; throws where it cannot be read. `onlyNew`: 'present' where something is there already, as far as the store can tell. */
  put(
    digest: Digest,
    { path, bytes }: Readonly<{ path: string; bytes: number }>,
    { onlyNew }: Readonly<{ onlyNew: boolean }>,
  ): Answer<'stored' | 'present'> {
    const { PutObjectCommand } = this.#parts.sdk;
    const hex = digest.slice('sha256:'.length);
    const condition = onlyNew && this.#parts.habits.keepsFirst ? { IfNoneMatch: '*' } : {};
    const checksum = this.#parts.habits.checksBytes
      ? { ChecksumSHA256: Buffer.from(hex, 'hex').toString('base64') }
      : {};
    const send = async (client: S3Client, body: Readable, abortSignal: AbortSignal) => {
      const command = new PutObjectCommand({
        ...this.#at(digest),
        Body: body,
        ContentLength: bytes,
        ...condition,
        ...checksum,
      });
      // The request is signed over the digest that we know, not over bytes of a stream that cannot be read twice.
      command.middlewareStack.add(
        (next) => (args) => {
          const { headers } = args.request as { headers: Record<string, string> };
          headers['x-amz-content-sha256'] = hex;
          return next(args);
        },
        { step: 'build', name: 'knownDigest' },
      );
      try {
        await client.send(command, { abortSignal });
        return 'stored';
      } catch (error) {
        if (statusIn(error) === 412) return 'present';
        throw error;
      }
    };
    return this.#ask(bytes, (client, abortSignal) =>
      sendFile(path, abortSignal, (body, signal) => send(client, body, signal)),
    );
  }

  /** Whether it answers us at all: of a bucket that is none a single blob looks as if only that were missing. */
  tryToList(): Answer<void> {
    const { ListObjectsV2Command } = this.#parts.sdk;
    const asked = { Bucket: this.name, Prefix: `${this.#parts.settings.prefix}blobs/`, MaxKeys: 1 };
    return this.#ask(0, async (client, abortSignal) => {
      await client.send(new ListObjectsV2Command(asked), { abortSignal });
    });
  }

  /** What lies there; undefined where nothing does. */
  head(digest: Digest): Answer<Stored | undefined> {
    return this.#ask(0, async (client, abortSignal) => {
      const answer = await this.#heads?.ask(this.keyOf(digest), abortSignal);
      if (answer?.status === 404) return undefined;
      // What else it may say, of clocks or rights, the SDK asks for again, and knows what to do about.
      return (answer && storedIn(answer)) ?? this.#headBySdk(digest, client, abortSignal);
    });
  }

  async #headBySdk(digest: Digest, client: S3Client, abortSignal: AbortSignal): Promise<Stored | undefined> {
    const { HeadObjectCommand } = this.#parts.sdk;
    try {
      const { answer, storeTimeMs } = await withStoreTime(new HeadObjectCommand(this.#at(digest)), (command) =>
        client.send(command, { abortSignal }),
      );
      const { ContentLength: bytes, LastModified: at } = answer;
      if (bytes === undefined) throw new Error('the store did not say how large the blob is');
      return { bytes, ageMs: at && storeTimeMs !== undefined ? storeTimeMs - at.getTime() : undefined };
    } catch (error) {
      if (statusIn(error) === 404) return undefined;
      throw error;
    }
  }

  /** Gives the bytes to `take`, once for each attempt; it throws at what is not the blob. False where nothing lies there. */
  async fetch(digest: Digest, take: (body: AsyncIterable<Uint8Array>) => Promise<void>): Answer<boolean> {
    const found = await this.head(digest);
    if (!found.ok) return found;
    if (found.value === undefined) return ok(false);
    const { GetObjectCommand } = this.#parts.sdk;
    return this.#ask(found.value.bytes, async (client, abortSignal) => {
      try {
        const { Body } = await client.send(new GetObjectCommand(this.#at(digest)), { abortSignal });
        const body = Body as Readable;
        // The SDK's signal ends with the headers: what the body takes is ours to limit.
        const cut = () => body.destroy(new Error('the store is too slow'));
        abortSignal.addEventListener('abort', cut, { once: true });
        try {
          await take(body);
        } finally {
          abortSignal.removeEventListener('abort', cut);
          body.destroy();
        }
        return true;
      } catch (error) {
        if (statusIn(error) === 404) return false;
        throw error;
      }
    });
  }

  /** Gone when it resolves ok, also where it never was. */
  remove(digest: Digest): Answer<void> {
    const { DeleteObjectCommand } = this.#parts.sdk;
    return this.#ask(0, async (client, abortSignal) => {
      await client.send(new DeleteObjectCommand(this.#at(digest)), { abortSignal });
    });
  }

  /** What a listing says; it may be old. Ends early, with the fault thrown, where the store fails. */
  async *list(): AsyncGenerator<Digest> {
    const { ListObjectsV2Command } = this.#parts.sdk;
    const prefix = `${this.#parts.settings.prefix}blobs/`;
    let from: string | undefined;
    do {
      const token = from;
      const page = await this.#ask(0, (client, abortSignal) => {
        const asked = { Bucket: this.name, Prefix: prefix, ...(token !== undefined && { ContinuationToken: token }) };
        return client.send(new ListObjectsV2Command(asked), { abortSignal });
      });
      if (!page.ok) throw new Error(`${page.fault.code}: ${page.fault.message}`);
      for (const { Key = '' } of page.value.Contents ?? []) {
        const digest = `sha256:${Key.slice(prefix.length)}`;
        if (isDigest(digest)) yield digest;
      }
      from = page.value.IsTruncated === true ? page.value.NextContinuationToken : undefined;
    } while (from !== undefined);
  }

  close(): void {
    this.#heads?.close();
    this.#parts.client.destroy();
  }

  #at(digest: Digest) {
    return { Bucket: this.name, Key: this.keyOf(digest) };
  }

  /** `bytes`: how many the request moves, and so how long it may take. */
  async #ask<Value>(bytes: number, act: (client: S3Client, abortSignal: AbortSignal) => Promise<Value>): Answer<Value> {
    const { client, settings, timers } = this.#parts;
    for (let attempt = 0; ; attempt++) {
      const deadline = new AbortController();
      const allowedMs = settings.patienceMs + (bytes / settings.bytesPerSecondMin) * 1_000;
      const timer = timers.after(allowedMs, () => deadline.abort());
      try {
        return ok(await act(client, deadline.signal));
      } catch (error) {
        if (error instanceof FaultError) throw error; // Of our own, as a full disk here is.
        const told = deadline.signal.aborted ? new Error(`nothing came of it in ${Math.ceil(allowedMs)} ms`) : error;
        if (attempt + 1 >= settings.tries.max || !mayPass(told)) return bucketFault(told, this.name);
      } finally {
        timers.cancel(timer);
      }
      await pause(timers, fullJitterMs(settings.tries.between, attempt, randomInt(2 ** 32) / 2 ** 32), never);
    }
  }
}

/** Undefined for any answer but that the blob is there and so large. */
function storedIn({ status, headers }: HeadAnswer): Stored | undefined {
  const bytes = Number(headers['content-length'] ?? Number.NaN);
  if (status !== 200 || !Number.isSafeInteger(bytes)) return undefined;
  const ageMs = Date.parse(headers.date ?? '') - Date.parse(headers['last-modified'] ?? '');
  return { bytes, ageMs: Number.isNaN(ageMs) ? undefined : ageMs };
}
