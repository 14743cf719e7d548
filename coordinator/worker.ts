import { ok, type Result, refuse } from '../base/fault.ts';
import { type Log, makeLog } from '../base/log.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timers } from '../base/time.ts';
import { openBlobPlace } from './blob-place.ts';
import { placesIn } from './candidate/places.ts';
import { StoredRunner } from './candidate/stored-runner.ts';
import { ThreadRunner } from './candidate/thread-runner.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { openGround } from './ground.ts';
import { readMasterKey } from './keys/master-key.ts';
import { queueKey } from './keys/queue-key.ts';
import { Vault } from './keys/vault.ts';
import { placeOfRedis } from './place-of-redis.ts';
import { startAggregationWorker } from './queue/redis/aggregation-worker.ts';
import { RedisLink } from './queue/redis/redis-link.ts';
import { toldRunner } from './told-runner.ts';

export type RunningWorker = Readonly<{
  /** Finishes the aggregation in hand. May be called twice. */
  close(): Promise<void>;
}>;

export type WorkerOptions = Readonly<{
  log?: Log;
  environment?: NodeJS.ProcessEnv;
  /** What reads trusted samples (candidate/sample-reader.ts). */
  sampleReader?: URL;
  /** Default: the system's. */
  timers?: Timers;
}>;

/**
 * A process that runs aggregations for a coordinator: on its machine or on another that mounts the same data directory, where
 * it reads sealed updates and round keys and writes candidates by their digests, without a lock; or anywhere, where blobs lie in
 * a bucket and keys in a database. Its data directory is then its own, for copies of what it works on.
 */
export async function startWorker(
  config: CoordinatorConfig,
  {
    log = makeLog(config.log.level),
    environment = process.env,
    timers = systemTimers,
    sampleReader,
  }: WorkerOptions = {},
): Promise<Result<RunningWorker>> {
  const { redis, federation, dataDirectory } = config;
  if (redis === null) {
    return refuse(
      'REDIS_MISSING',
      'a worker needs redis.url, the one of its coordinator; without Redis rounds run there',
    );
  }
  const redisPlace = await placeOfRedis(redis);
  if (!redisPlace.ok) return redisPlace;
  const masterKey = await readMasterKey(config.masterKey, environment);
  if (!masterKey.ok) return masterKey;
  const trouble = (code: string, cause: string) => log.warn({ code, cause }, 'trouble');
  const place = await openBlobPlace(config, environment, timers, trouble);
  if (!place.ok) return place;
  const ground = await openGround(config, environment, timers);
  if (!ground.ok) {
    place.value?.close();
    return ground;
  }
  const { identity } = ground.value;
  const leaveGround = async () => {
    place.value?.close();
    await ground.value.close();
  };
  const keyStore = await Vault.openIn(identity.secrets, masterKey.value);
  if (!keyStore.ok) {
    await leaveGround();
    return keyStore;
  }
  const link = await RedisLink.open({ place: redisPlace.value, timers, trouble });
  if (!link.ok) {
    await leaveGround();
    return link;
  }
  const thread = new ThreadRunner({ places: placesIn(dataDirectory, sampleReader), keyStore: keyStore.value, timers });
  const joined = await place.value?.join();
  const runner =
    joined === undefined
      ? thread
      : new StoredRunner({ inner: thread, blobs: async () => joined.blobs, done: joined.trim });
  const told = toldRunner(runner, log, timers);
  const worker = startAggregationWorker({
    link: link.value,
    federation,
    runner: told,
    queueKey: () => queueKey(keyStore.value),
    trouble,
  });
  log.info({ federation }, 'worker ready');
  let closing: Promise<void> | undefined;
  const close = async () => {
    await worker.close();
    await told.close();
    await link.value.close();
    await leaveGround();
    log.info({ federation }, 'worker closed');
  };
  return ok({
    close: () => {
      closing ??= close();
      return closing;
    },
  });
}
