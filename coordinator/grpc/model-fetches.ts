import { ok, type Result, refuse } from '../../proto/fault.ts';
import { FetchModelResponse } from '../../proto/generated/testudo/v1/federation.ts';
import { type Digest, isDigest } from '../../proto/ids.ts';
import { type PaceRules, patienceMs } from '../admission/pace.ts';
import type { Turns } from '../admission/turns.ts';
import type { Engine } from '../engine.ts';
import type { Metrics } from '../observability/metrics.ts';
import { cutShort, type Send } from './door.ts';
import { ReadyModel, servedModelBytes } from './models.ts';

export type ModelFetchesParts = Readonly<{
  engine: Pick<Engine, 'state' | 'blobs'>;
  turns: Turns<'FETCHES_BUSY'>;
  pace: PaceRules;
  metrics: Pick<Metrics, 'payloadBytes'>;
}>;

/** Global models on their way to clusters: a bounded number at once, and none so slowly that it keeps others waiting. */
export class ModelFetches {
  readonly #parts: ModelFetchesParts;
  readonly #ready: ReadyModel;

  constructor(parts: ModelFetchesParts) {
    this.#parts = parts;
    this.#ready = new ReadyModel(parts.engine.blobs);
  }

  /** Serves one stream: the model's bytes from an offset on. */
  async fetch(
    peer: string,
    { digest, offset }: Readonly<{ digest: string; offset: bigint }>,
    send: Send<Buffer>,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const size = isDigest(digest) ? servedModelBytes(this.#parts.engine.state(), digest) : undefined;
    if (!isDigest(digest) || size === undefined) {
      return refuse('MODEL_UNKNOWN', 'no track has a model with this digest');
    }
    if (offset > BigInt(size)) return refuse('OFFSET_BEYOND_END', `the model has ${size} bytes`);
    const entered = await this.#parts.turns.enter(peer, signal);
    if (!entered.ok) return signal.aborted ? cutShort(signal) : entered;
    try {
      const whole = offset === 0n ? await this.#ready.messages(digest, size) : undefined;
      return await this.#sendAll(whole ?? this.#messagesFrom(digest, Number(offset), size), send, signal);
    } finally {
      entered.value();
    }
  }

  async #sendAll(
    messages: Iterable<Buffer> | AsyncIterable<Buffer>,
    send: Send<Buffer>,
    signal: AbortSignal,
  ): Promise<Result<void>> {
    const startedAt = performance.now();
    let sentBytes = 0;
    for await (const message of messages) {
      const sent = await within(patienceMs(this.#parts.pace, sentBytes, performance.now() - startedAt), send(message));
      if (sent === 'late') {
        return refuse('PEER_TOO_SLOW', 'the model is read too slowly, or not at all; fetch the rest from its offset');
      }
      if (!sent) return signal.aborted ? cutShort(signal) : ok(undefined);
      sentBytes += message.byteLength;
      this.#parts.metrics.payloadBytes('out', message.byteLength);
    }
    return ok(undefined);
  }

  async *#messagesFrom(digest: Digest, offset: number, size: number): AsyncGenerator<Buffer> {
    let position = offset;
    for await (const chunk of this.#parts.engine.blobs.read(digest, offset)) {
      const message = { offset: BigInt(position), sizeBytes: BigInt(size), chunk: Buffer.from(chunk) };
      yield Buffer.from(FetchModelResponse.encode(message).finish());
      position += chunk.byteLength;
    }
  }
}

/** What the promise gives, or 'late' after so long. */
function within<Value>(ms: number, promise: Promise<Value>): Promise<Value | 'late'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => resolve('late'), ms);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
