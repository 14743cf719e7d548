import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { within } from '../../../base/waiting/within.ts';
import { FetchModelResponse } from '../../../proto/generated/testudo/v1/federation.ts';
import { type Digest, isDigest } from '../../../proto/ids.ts';
import { cutShort, noLongerRead } from '../../access/access-control.ts';
import type { ConcurrencyLimit } from '../../access/concurrency-limit.ts';
import type { CutFaultCode } from '../../access/faults.ts';
import { type PaceRules, patienceMs } from '../../access/pace.ts';
import type { BlobStore } from '../../blobs/blob-store.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { Send } from '../door.ts';
import { ReadyFiles } from './models.ts';

export type FileFetchesParts = Readonly<{
  blobs: Pick<BlobStore, 'read'>;
  /** The size of a file that clusters may have, bytes; undefined for every other blob. */
  sizeOf: (digest: Digest) => number | undefined;
  /** Where what is served is known from a journal read along: as in AccessControl. */
  catchUp?: () => Promise<boolean>;
  limit: ConcurrencyLimit<'FETCHES_BUSY'>;
  pace: PaceRules;
  metrics: Pick<Metrics, 'payloadBytes'>;
  timers: Timers;
}>;

type FetchFaultCode = CutFaultCode | 'MODEL_UNKNOWN' | 'OFFSET_BEYOND_END' | 'FETCHES_BUSY' | 'PEER_TOO_SLOW';

/**
 * Files on their way to clusters (global models, what releases are made of): a bounded number at once, and none so
 * slowly that it keeps others waiting.
 */
export class FileFetches {
  readonly #parts: FileFetchesParts;
  readonly #ready: ReadyFiles;

  constructor(parts: FileFetchesParts) {
    this.#parts = parts;
    this.#ready = new ReadyFiles(parts.blobs);
  }

  /** Serves one stream: the file's bytes from an offset on. */
  async fetch(
    peer: string,
    { digest, offset }: Readonly<{ digest: string; offset: bigint }>,
    send: Send<Buffer>,
    signal: AbortSignal,
  ): Promise<Result<void, FetchFaultCode>> {
    const size = isDigest(digest) ? await this.#sizeOf(digest) : undefined;
    if (!isDigest(digest) || size === undefined) {
      return refuse('MODEL_UNKNOWN', 'no track has a model, and no release a file, with this digest');
    }
    if (offset > BigInt(size)) return refuse('OFFSET_BEYOND_END', `the file has ${size} bytes`);
    const entered = await this.#parts.limit.enter(peer, signal);
    if (!entered.ok) return signal.aborted ? cutShort(signal) : entered;
    try {
      const whole = offset === 0n ? await this.#ready.messages(digest, size) : undefined;
      return await this.#sendAll(whole ?? this.#messagesFrom(digest, Number(offset), size), send, signal);
    } finally {
      entered.value();
    }
  }

  async #sizeOf(digest: Digest): Promise<number | undefined> {
    const { sizeOf, catchUp } = this.#parts;
    const known = sizeOf(digest);
    return known === undefined && catchUp !== undefined && (await catchUp()) ? sizeOf(digest) : known;
  }

  async #sendAll(
    messages: Iterable<Buffer> | AsyncIterable<Buffer>,
    send: Send<Buffer>,
    signal: AbortSignal,
  ): Promise<Result<void, CutFaultCode | 'PEER_TOO_SLOW'>> {
    const { timers, pace } = this.#parts;
    const startedAtMs = timers.monotonicMs();
    let sentBytes = 0;
    for await (const message of messages) {
      const patience = patienceMs(pace, sentBytes, timers.monotonicMs() - startedAtMs);
      const sent = await within(timers, patience, send(message));
      if (sent === 'late') {
        return refuse('PEER_TOO_SLOW', 'the file is read too slowly, or not at all; fetch the rest from its offset');
      }
      if (!sent) return noLongerRead(signal);
      sentBytes += message.byteLength;
      this.#parts.metrics.payloadBytes('out', message.byteLength);
    }
    return ok(undefined);
  }

  async *#messagesFrom(digest: Digest, offset: number, size: number): AsyncGenerator<Buffer> {
    let position = offset;
    for await (const chunk of this.#parts.blobs.read(digest, offset)) {
      const message = { offset: BigInt(position), sizeBytes: BigInt(size), chunk: Buffer.from(chunk) };
      yield Buffer.from(FetchModelResponse.encode(message).finish());
      position += chunk.byteLength;
    }
  }
}
