import { buildVersion } from '../base/build-version.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { type Log, makeLog } from '../base/log.ts';
import { servePages } from '../base/serving/http-server.ts';
import { hostOf } from '../base/serving/listen.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timers } from '../base/time.ts';
import { logSum } from './access/refusals.ts';
import { Sessions } from './access/sessions.ts';
import { openBlobPlace } from './blob-place.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { declareTracks } from './declared-tracks.ts';
import { openDoors } from './doors.ts';
import { openGround } from './ground.ts';
import { type ConnectionRoom, connectionRoom, openFilesMax } from './grpc/connections/descriptors.ts';
import type { Authority } from './keys/authority.ts';
import { type CoordinatorKeys, openCoordinatorKeys } from './keys/coordinator-keys.ts';
import { readMasterKey } from './keys/master-key.ts';
import type { Membership } from './members/membership.ts';
import { openLeaderFolder } from './notifications/leader-folder.ts';
import { Notifier } from './notifications/notifier.ts';
import { healthPages } from './observability/health-pages.ts';
import { leadingMetrics } from './observability/leading-metrics.ts';
import { Metrics } from './observability/metrics.ts';
import { ReleaseMetrics } from './observability/release-metrics.ts';
import { ReleaseObserver } from './observability/release-observer.ts';
import { RoundObserver } from './observability/round-observer.ts';
import { RoundTraces } from './observability/round-traces.ts';
import { standingMetrics } from './observability/standing-metrics.ts';
import { overviewOf } from './operations/overview.ts';
import { placeOfRedis } from './place-of-redis.ts';
import type { LightForm } from './registry/keeping/publisher.ts';
import { Registry } from './registry/registry.ts';
import { lifetimesOf } from './registry/signing/found-root.ts';
import type { Engine } from './rounds/engine.ts';
import { openEngine } from './rounds/open-engine.ts';
import { serveDashboard } from './serve-dashboard.ts';
import { standBy } from './standby.ts';
import { ensureCheckpointSigner } from './transparency/checkpoint-key.ts';
import { Checkpointer } from './transparency/checkpointer.ts';

const dayMs = 86_400_000;
/** A federation may come to more connections than this. */
const membersFew = 2_048;

/** A running coordinator. */
export type Coordinator = Readonly<{
  /** host:port of each listener, as bound: a port 0 has become a number; of the dashboard its URL, where it is served. */
  addresses: Readonly<{ enrolment: string; federation: string; health: string; dashboard?: string }>;
  engine: Engine;
  registry: Registry;
  membership: Membership;
  authority: Authority;
  /** Why the engine stopped by itself, if it ever does: then close. */
  halted: Engine['halted'];
  /** Not ready, streams told, uploads finished or cut after the grace, journal closed. May be called twice. */
  close(): Promise<void>;
}>;

export type CoordinatorOptions = Readonly<{
  log?: Log;
  environment?: NodeJS.ProcessEnv;
  /** Default: the system's. */
  timers?: Timers;
  /** What makes each release's light form; without it releases have none. */
  lightForm?: LightForm;
  /** What reads trusted samples (candidate/sample-reader.ts); without it no round can go by one. */
  sampleReader?: URL;
  /** Stand by until no coordinator leads, or until this is aborted: then the start is refused with STANDBY_STOPPED. */
  standby?: AbortSignal;
  /** The folder of the dashboard's built pages; without it the dashboard says that it was not built. */
  pages?: URL;
}>;

/**
 * Starts a coordinator: start → ready. Refused with the first thing that is missing; throws when a port cannot be had.
 * Nothing is left open in either case.
 */
export async function startCoordinator(
  config: CoordinatorConfig,
  {
    log = makeLog(config.log.level),
    environment = process.env,
    timers = systemTimers,
    lightForm,
    sampleReader,
    pages,
    standby,
  }: CoordinatorOptions = {},
): Promise<Result<Coordinator>> {
  const openFiles = openFilesMax();
  const room = connectionRoom(config.connections, openFiles);
  if (!room.ok) return room;
  const masterKey = await readMasterKey(config.masterKey, environment);
  if (!masterKey.ok) return masterKey;
  const redis = config.redis === null ? ok(null) : await placeOfRedis(config.redis);
  if (!redis.ok) return redis;
  const place = await openBlobPlace(config, environment, timers, (code, cause) => log.warn({ code, cause }, 'trouble'));
  if (!place.ok) return place;
  const ground = await openGround(config, environment, timers);
  if (!ground.ok) {
    place.value?.close();
    return ground;
  }
  const { identity, openJournal } = ground.value;
  const leaveGround = async () => {
    place.value?.close();
    await ground.value.close();
  };
  const folded = standby === undefined ? ok(undefined) : await standBy(config, ground.value, log, standby);
  if (!folded.ok) {
    await leaveGround();
    return folded;
  }
  const keys = await openCoordinatorKeys(identity, config.federation, masterKey.value, timers.now());
  if (!keys.ok) {
    await leaveGround();
    return keys;
  }
  const metrics = new Metrics();
  const opened = await openEngine({
    dataDir: config.dataDirectory,
    federation: config.federation,
    build: buildVersion(),
    keyStore: keys.value.vault,
    openJournal,
    openBlobs: place.value?.open,
    folded: folded.value,
    timers,
    redis: redis.value && { place: redis.value, fallbackAfterMs: fallbackMsOf(config.workers) },
    sampleReader,
    trouble: (code, cause) => log.warn({ code, cause }, 'trouble'),
    committed: (_entries, seconds) => metrics.journalSynced(seconds),
  });
  if (!opened.ok) {
    await leaveGround();
    return opened;
  }
  const engine = opened.value;
  const closeEngine = async () => {
    await engine.close();
    place.value?.close(); // Its connections would keep the process for as long as the store keeps them.
  };
  const checkpointer = await openCheckpointer(config, engine, keys.value, log).catch(async (error: unknown) => {
    await closeEngine();
    throw error;
  });
  let registryOpen: Registry | undefined;
  const releaseMetrics = new ReleaseMetrics(
    metrics.registry,
    () => engine.state(),
    () => registryOpen?.followerCount ?? 0,
    config.releases.expiryWarningDays * dayMs,
    timers.now,
  );
  const releaseObserver = new ReleaseObserver(releaseMetrics, log);
  engine.follow((entry) => releaseObserver.observe(entry)); // Before the registry: it begins to release at once.
  engine.follow((entry) => logSum(log, entry));
  try {
    const declared = await declareTracks(engine, config.tracks, (track) =>
      log.warn(
        { track },
        'the policy that an operator set goes on, and not the one of the configuration, which has not changed',
      ),
    );
    const registry = declared.ok
      ? await Registry.open({
          store: engine,
          vault: keys.value.vault,
          timers,
          build: buildVersion(),
          times: signingTimes(config),
          lifetimes: lifetimesOf(config.releases),
          warnWithinMs: config.releases.expiryWarningDays * dayMs,
          lightForm,
          trouble: (code, cause) => log.warn({ code, cause }, 'trouble with releases'),
        })
      : declared;
    if (registry.ok) {
      registryOpen = registry.value;
      const coordinator = await serve({
        config,
        engine,
        closeEngine,
        registry: registry.value,
        keys: keys.value,
        checkpointer,
        metrics,
        log,
        timers,
        room: room.value,
        pages,
      });
      if (standby?.aborted !== true) return ok(coordinator);
      await coordinator.close(); // Told to stop while it took over: nobody will say so again.
      return refuse('STANDBY_STOPPED', 'this standby was stopped while it took over');
    }
    await checkpointer.close();
    await closeEngine();
    return registry;
  } catch (error) {
    await registryOpen?.close();
    await checkpointer.close();
    await closeEngine();
    throw error;
  }
}

type Parts = Readonly<{
  config: CoordinatorConfig;
  engine: Engine;
  /** And lets go of the bucket. */
  closeEngine: () => Promise<void>;
  registry: Registry;
  keys: CoordinatorKeys;
  checkpointer: Checkpointer;
  metrics: Metrics;
  log: Log;
  timers: Timers;
  room: ConnectionRoom;
  pages: URL | undefined;
}>;

async function openCheckpointer(config: CoordinatorConfig, engine: Engine, { vault }: CoordinatorKeys, log: Log) {
  const { dataDirectory: dataDir, federation, checkpoints, journal } = config;
  return Checkpointer.open({
    facts: engine,
    read: (from, limit) => engine.audit(from, limit),
    dataDir,
    signer: await ensureCheckpointSigner(vault, federation, dataDir),
    epoch: journal.postgres === null ? undefined : engine.epoch,
    everyEntries: checkpoints.everyEntries,
    trouble: (code, cause) => log.warn({ code, cause }, 'trouble with signed heads'),
  });
}

function fallbackMsOf({ fallbackAfterSeconds }: CoordinatorConfig['workers']): number {
  return fallbackAfterSeconds === 'never' ? Number.POSITIVE_INFINITY : fallbackAfterSeconds * 1_000;
}

function signingTimes({ releases }: CoordinatorConfig) {
  const { timestampHours, timestampEveryMinutes, catalogueDays } = releases;
  return {
    timestampLifeMs: timestampHours * 3_600_000,
    timestampEveryMs: timestampEveryMinutes * 60_000,
    catalogueLifeMs: catalogueDays * dayMs,
  };
}

async function serve(parts: Parts): Promise<Coordinator> {
  const { config, engine, registry, keys, metrics, log, room } = parts;
  const isFollowed = config.journal.postgres !== null;
  const traces = new RoundTraces();
  const { federation, listen } = config;
  const observer = new RoundObserver(() => engine.state(), metrics, traces, log);
  const unfollow = engine.follow((entry) => observer.observe(entry));
  const sessions = new Sessions(parts.timers, config.dashboard.sessionMinutes * 60_000);
  const doors = await openDoors({ ...parts, traces, sessions });
  let unready: string | undefined;
  let hasHalted = false;
  leadingMetrics(metrics.registry, () => ({ isLeader: !hasHalted, epoch: engine.epoch, entry: engine.state().seq }));
  standingMetrics(metrics.registry, {
    state: () => engine.state(),
    freeBytes: () => engine.blobs.freeBytes(),
    connected: () => engine.connected().size,
    workers: () => engine.workerCount(),
    clock: parts.timers.now,
  });
  const pages = healthPages(
    metrics.registry,
    async () => unready ?? mayBeFollowed(engine) ?? noRoom(await engine.blobs.freeBytes()),
  );
  const opened = [() => doors.close(0)];
  const closeOpened = async (error: unknown): Promise<never> => {
    for (const close of opened.toReversed()) await close();
    throw error;
  };
  const health = await servePages(listen.health, pages).catch(closeOpened);
  opened.push(() => health.close());
  const dashboard = await serveDashboard({ ...parts, doors, sessions }).catch(closeOpened);
  if (dashboard !== undefined) opened.push(() => dashboard.close());
  const trouble = (code: string, cause: string) => log.warn({ code, cause }, 'trouble with alerts');
  const alertsFolder = isFollowed
    ? await openLeaderFolder(config.dataDirectory, engine.epoch, trouble).catch(closeOpened)
    : config.dataDirectory;
  const notifier = await Notifier.open({
    ...{ config: config.alerts, log, timers: parts.timers, dataDirectory: alertsFolder },
    sender: () => ({ federation, cluster: '' }),
    attempted: (sink, outcome) => metrics.alertAttempted(sink, outcome),
    look: async (nowMs) => (await overviewOf(engine, registry, nowMs)).attention,
  }).catch(closeOpened);
  void engine.halted.then(({ code, message }) => {
    hasHalted = true;
    unready = `halted: ${code}`;
    doors.setServing(false);
    log.fatal({ code, cause: message }, 'coordinator halted');
  });
  doors.setServing(true);
  const addresses = {
    enrolment: `${hostOf(listen.enrolment)}:${doors.ports.enrolmentPort}`,
    federation: `${hostOf(listen.federation)}:${doors.ports.federationPort}`,
    health: `${hostOf(listen.health)}:${health.port}`,
    ...(dashboard && { dashboard: dashboard.address }),
  };
  if (room.isCut && room.federation < membersFew) {
    log.warn(room, 'open files are few: fewer connections than configured (ulimit -n)');
  }
  log.info({ federation, epoch: engine.epoch, addresses, connectionsMax: room }, 'coordinator ready');

  const close = async () => {
    unready = 'draining';
    await dashboard?.close();
    await notifier?.close();
    await doors.close(hasHalted ? 0 : config.drainSeconds * 1000); // Once it has halted nothing under way becomes true.
    unfollow();
    await registry.close();
    await parts.checkpointer.close();
    await parts.closeEngine();
    await health.close();
    log.info({ federation }, 'coordinator closed');
  };
  let closing: Promise<void> | undefined;
  return {
    addresses,
    engine,
    registry,
    membership: doors.membership,
    authority: keys.authority,
    halted: engine.halted,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** One that a Service should lead nobody to: what it says may be old, and nothing that it takes can become true now. */
function mayBeFollowed(engine: Engine): string | undefined {
  return engine.mayBeFollowed()
    ? 'the database has not answered for the lease: another coordinator may lead'
    : undefined;
}

/** Why no update could be taken now, where that is so. */
function noRoom(freeBytes: number): string | undefined {
  if (freeBytes > 0) return undefined;
  return 'DISK_FULL: no update is taken until there is space again in the data directory, beside the reserve of 16 MiB';
}
