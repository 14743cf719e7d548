import { ok, type Result } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import type { Digest, FederationId } from '../../../proto/ids.ts';
import type { AggregationRunner } from '../../candidate/job.ts';
import { placesIn } from '../../candidate/places.ts';
import { ThreadRunner } from '../../candidate/thread-runner.ts';
import type { KeyStore } from '../../keys/key-store.ts';
import { ensureQueueKey } from '../../keys/queue-key.ts';
import { RedisLink } from './redis-link.ts';
import type { RedisPlace } from './redis-place.ts';
import { RedisRunner } from './redis-runner.ts';
import { RedisWaker } from './redis-waker.ts';

export type RedisBackend = Readonly<{
  waker: RedisWaker;
  runner: RedisRunner;
  /** After the engine that uses both was closed. */
  close(): Promise<void>;
}>;

export type RedisBackendOptions = Readonly<{
  place: RedisPlace;
  fallbackAfterMs?: number | undefined;
  federation: FederationId;
  dataDir: string;
  keyStore: KeyStore;
  sampleReader?: URL | undefined;
  /** What the runner of this process's threads becomes where blobs lie elsewhere. */
  local?: (inner: AggregationRunner) => AggregationRunner;
  /** Told of blobs that nobody needs any more. */
  discard?: (blobs: readonly Digest[]) => void;
  timers: Timers;
  trouble: (code: string, message: string) => void;
}>;

/** What a coordinator with a Redis URL gives to `openEngine`: queues to wake it, and workers to run its rules. */
export async function openRedisBackend(options: RedisBackendOptions): Promise<Result<RedisBackend, 'REDIS_EVICTS'>> {
  const { place, federation, dataDir, keyStore, timers, trouble } = options;
  const link = await RedisLink.open({ place, timers, trouble });
  if (!link.ok) return link;
  const { local = (inner) => inner } = options;
  const fallback = local(new ThreadRunner({ places: placesIn(dataDir, options.sampleReader), keyStore, timers }));
  return ok({
    waker: new RedisWaker(link.value, federation, timers),
    runner: new RedisRunner({
      link: link.value,
      federation,
      fallback,
      ...(options.fallbackAfterMs !== undefined && { fallbackAfterMs: options.fallbackAfterMs }),
      ...(options.discard && { discard: options.discard }),
      queueKey: await ensureQueueKey(keyStore),
      timers,
      trouble,
    }),
    close: () => link.value.close(),
  });
}
