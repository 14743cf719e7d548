import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sweepLeftovers } from '../../base/atomic-file.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { FederationId } from '../../proto/ids.ts';
import { openFileBlobStore } from '../blobs/file-blob-store.ts';
import type { AggregationRunner } from '../candidate/job.ts';
import { placesIn } from '../candidate/places.ts';
import { ThreadRunner } from '../candidate/thread-runner.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { keyLeftover } from '../keys/vault.ts';
import { lockDataDir } from '../ledger/data-dir-lock.ts';
import type { JournalEntry } from '../ledger/journal/entry.ts';
import type { Journal } from '../ledger/journal/journal.ts';
import { openSqliteJournal } from '../ledger/journal/open-journal.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { StoreFaultCode } from '../ledger/store.ts';
import type { RedisBackend, RedisBackendOptions } from '../queue/redis/redis-backend.ts';
import { TimerWaker } from '../queue/timer-waker.ts';
import type { Waker } from '../queue/waker.ts';
import { Engine } from './engine.ts';
import { RoundKeeper } from './keeper.ts';
import { KeptInputs } from './kept-inputs.ts';
import { sweepOrphans } from './orphans.ts';
import { Presence } from './presence.ts';

export type EngineOptions = Readonly<{
  /** Made when it is not there; this process alone uses it while the engine is open. */
  dataDir: string;
  federation: FederationId;
  /** Version and commit, for the journal. */
  build: string;
  keyStore: KeyStore;
  timers: Timers;
  /** Queues that wake the engine, and workers that run its aggregations. Default: timers and a thread of this process. */
  redis?: Readonly<{ url: string }> | null;
  /** What reads trusted samples, for workers of this machine (candidate/sample-reader.ts). */
  sampleReader?: URL | undefined;
  /** In place of either; tests bring their own. */
  runner?: AggregationRunner;
  waker?: Waker;
  /** In place of the data directory's: a simulator keeps its journal in memory. Closed with the engine. */
  journal?: Journal;
  /** Rounds that may run at once over all tracks. Default 16. */
  roundsMax?: number;
  /** How often everything due is derived anew, whatever wakers do. Default 5 s. */
  watchdogMs?: number;
  /** Entries after which a snapshot is saved, so that a start folds no more than these. Default 1,000. */
  snapshotEvery?: number;
  /** Free bytes that uploads leave to the journal. Default 16 MiB. */
  reserveBytes?: number;
  /** For the operator's log: what went wrong and is tried again. */
  trouble?: (code: string, message: string) => void;
  /** For metrics: entries in a commit, and what it took from hand-over to sync. */
  committed?: (entries: readonly JournalEntry[], seconds: number) => void;
}>;

export type OpenFaultCode =
  | StoreFaultCode
  | 'DATA_DIR_LOCKED'
  | 'DATA_DIR_UNUSABLE'
  | 'FEDERATION_MISMATCH'
  | 'REDIS_EVICTS';

/** Opens everything in a data directory and goes on where the last run ended, however it ended. */
export async function openEngine(options: EngineOptions): Promise<Result<Engine, OpenFaultCode>> {
  const { dataDir, redis, trouble = () => {} } = options;
  const lock = lockDataDir(dataDir);
  if (!lock.ok) return lock;
  const backend = redis ? await openBackend({ ...options, url: redis.url, trouble }) : undefined;
  const release = async () => {
    if (backend?.ok) await backend.value.close();
    lock.value.release();
  };
  if (backend?.ok === false) {
    await release();
    return backend;
  }
  const { waker, runner } = backend?.value ?? {};
  const opened = await openLocked({ ...(waker && { waker }), ...(runner && { runner }), ...options }, release);
  if (!opened.ok) await release();
  return opened;
}

/** Loaded only where it is used: queues take 15 MiB and a fifth of a coordinator's start. */
async function openBackend(options: RedisBackendOptions): Promise<Result<RedisBackend, 'REDIS_EVICTS'>> {
  const { openRedisBackend } = await import('../queue/redis/redis-backend.ts');
  return openRedisBackend(options);
}

async function openLocked(
  options: EngineOptions,
  release: () => Promise<void>,
): Promise<Result<Engine, OpenFaultCode>> {
  const { dataDir, federation, build, keyStore, timers, trouble = () => {} } = options;
  const clock = timers.now;
  await sweepLeftovers(join(dataDir, 'keys'), keyLeftover);
  await sweepLeftovers(join(dataDir, 'identity'));
  const journal = options.journal
    ? ok(options.journal)
    : await openSqliteJournal(join(dataDir, 'journal.sqlite'), timers);
  if (!journal.ok) return journal;
  const halting = Promise.withResolvers<Readonly<{ code: StoreFaultCode; message: string }>>();
  let engine: Engine | undefined;
  const opened = await Ledger.open(journal.value, clock, {
    durable(entries, seconds) {
      options.committed?.(entries, seconds);
      engine?.afterCommit(entries);
    },
    undone(code, message) {
      trouble(code, message);
      if (code !== 'DISK_FULL') halting.resolve({ code, message });
    },
  });
  if (!opened.ok) {
    await journal.value.close();
    return opened;
  }
  const ledger = opened.value;
  const started = await ledger.commit({ kind: 'coordinator', part: 'start' }, (state) =>
    state.federation !== null && state.federation !== federation
      ? refuse(
          'FEDERATION_MISMATCH',
          `this data directory belongs to federation ${state.federation}, not ${federation}; correct the configuration`,
        )
      : ok({ events: [{ kind: 'coordinatorStarted', federation, build }], value: undefined }),
  );
  if (!started.ok) {
    await journal.value.close();
    return started;
  }
  const blobs = await openFileBlobStore(
    dataDir,
    options.reserveBytes === undefined ? {} : { reserveBytes: options.reserveBytes },
  );
  await sweepOrphans(ledger.state, blobs);
  const places = placesIn(dataDir, options.sampleReader);
  await mkdir(places.scratchDir, { recursive: true, mode: 0o700 });
  const runner = options.runner ?? new ThreadRunner({ places, keyStore });
  const waker = options.waker ?? new TimerWaker(timers);
  const presence = new Presence();
  const inputs = new KeptInputs({ ledger, keyStore, places, clock, trouble });
  const keeper = new RoundKeeper({
    ledger,
    presence,
    blobs,
    keyStore,
    runner,
    inputs,
    clock,
    roundsMax: options.roundsMax ?? 16,
    trouble,
    wake: () => engine?.wake(),
  });
  engine = new Engine({
    federation,
    ledger,
    keeper,
    presence,
    inputs,
    blobs,
    runner,
    waker,
    timers,
    watchdogMs: options.watchdogMs ?? 5_000,
    snapshotEvery: options.snapshotEvery ?? 1_000,
    halted: halting.promise,
    trouble,
    release,
  });
  const woken = engine;
  await waker.start(() => woken.wake());
  engine.wake();
  return ok(engine);
}
