import { join } from 'node:path';
import { makeFolder, sweepLeftovers } from '../../base/atomic-file.ts';
import { ok, type Result } from '../../base/fault.ts';
import type { Digest } from '../../proto/ids.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import { StoredRunner } from '../candidate/stored-runner.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import { keyLeftover } from '../keys/vault.ts';
import { lockDataDir } from '../ledger/data-dir-lock.ts';
import type { Journal } from '../ledger/journal/journal.ts';
import { openSqliteJournal } from '../ledger/journal/open-journal.ts';
import type { PostgresJournalFaultCode } from '../ledger/journal/postgres/open-postgres.ts';
import { journalFile } from '../ledger/journal/read-beside.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import type { RedisBackend, RedisBackendOptions } from '../queue/redis/redis-backend.ts';
import type { RedisPlace } from '../queue/redis/redis-place.ts';
import type { Engine } from './engine.ts';
import { type StartOptions, startEngine } from './start-engine.ts';

export type EngineOptions = StartOptions &
  Readonly<{
    /** Made when it is not there; this process alone uses it while the engine is open. */
    dataDir: string;
    /** Queues that wake the engine, and workers that run its aggregations. Default: timers and a thread of this process. */
    redis?: Readonly<{ place: RedisPlace; fallbackAfterMs?: number }> | null;
    /** What reads trusted samples, for workers of this machine (candidate/sample-reader.ts). */
    sampleReader?: URL | undefined;
    /** In place of either; tests bring their own. */
    runner?: AggregationRunner;
    /** In place of the data directory's. Closed with the engine. */
    journal?: Journal;
    /**
     * In place of the data directory's: one that keeps other coordinators out by itself, so that the directory, which holds
     * bytes alone then, may be shared with a successor and is not locked.
     */
    openJournal?: (() => Promise<Result<Journal, PostgresJournalFaultCode>>) | undefined;
    /** In place of the data directory's: called once this coordinator is the journal's writer. */
    openBlobs?: (() => Promise<BlobStore>) | undefined;
    /** Free bytes that uploads leave to the journal. Default 16 MiB. */
    reserveBytes?: number;
  }>;

export type OpenFaultCode =
  | StoreFaultCode
  | PostgresJournalFaultCode
  | 'DATA_DIR_LOCKED'
  | 'DATA_DIR_UNUSABLE'
  | 'FEDERATION_MISMATCH'
  | 'REDIS_EVICTS';

/** Opens everything in a data directory and goes on where the last run ended, however it ended. */
export async function openEngine(options: EngineOptions): Promise<Result<Engine, OpenFaultCode>> {
  const { dataDir, redis, trouble = () => {} } = options;
  const lock = options.openJournal === undefined ? lockDataDir(dataDir) : ok({ release: () => {} });
  if (!lock.ok) return lock;
  const store = Promise.withResolvers<BlobStore>(); // Runners are made before the journal is ours, and run nothing till then.
  const local = (inner: AggregationRunner) =>
    options.openBlobs === undefined ? inner : new StoredRunner({ inner, blobs: () => store.promise });
  const discard = async (digests: readonly Digest[]) => {
    const blobs = await store.promise;
    for (const digest of digests)
      await blobs.remove(digest).catch((error: unknown) => trouble('BLOB_LEFT', String(error)));
  };
  const backend = redis ? await openBackend({ ...options, ...redis, trouble, local, discard }) : undefined;
  const release = async () => {
    if (backend?.ok) await backend.value.close();
    lock.value.release();
  };
  if (backend?.ok === false) {
    await release();
    return backend;
  }
  const { waker, runner } = backend?.value ?? {};
  const given = { ...(waker && { waker }), ...(runner && { runner }), ...options };
  const opened = await openLocked(given, { release, local, opened: store.resolve });
  if (!opened.ok) await release();
  return opened;
}

/** Loaded only where it is used: queues take 15 MiB and a fifth of a coordinator's start. */
async function openBackend(options: RedisBackendOptions): Promise<Result<RedisBackend, 'REDIS_EVICTS'>> {
  const { openRedisBackend } = await import('../queue/redis/redis-backend.ts');
  return openRedisBackend(options);
}

type Around = Readonly<{
  release: () => Promise<void>;
  /** What a runner of this process's threads becomes where blobs lie elsewhere. */
  local: (inner: AggregationRunner) => AggregationRunner;
  opened: (blobs: BlobStore) => void;
}>;

async function openLocked(
  options: EngineOptions,
  { release, local, opened }: Around,
): Promise<Result<Engine, OpenFaultCode>> {
  const { dataDir, keyStore, reserveBytes, timers } = options;
  await sweepLeftovers(join(dataDir, 'keys'), keyLeftover);
  await sweepLeftovers(join(dataDir, 'identity'));
  const journal = await openJournal(options);
  if (!journal.ok) return journal;
  const places = placesIn(dataDir, options.sampleReader);
  const ofFolder = () => openFileBlobStore(dataDir, reserveBytes === undefined ? {} : { reserveBytes });
  return startEngine(options, {
    journal: journal.value,
    async openBlobs() {
      const blobs = await (options.openBlobs ?? ofFolder)();
      opened(blobs);
      return blobs;
    },
    places,
    openRunner: async () => {
      makeFolder(places.scratchDir, 0o700);
      return options.runner ?? local(new ThreadRunner({ places, keyStore, timers }));
    },
    release,
  });
}

function openJournal({ journal, openJournal: open, dataDir, timers }: EngineOptions) {
  if (journal !== undefined) return ok(journal);
  return open === undefined ? openSqliteJournal(join(dataDir, journalFile), timers) : open();
}
