import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import { type Log, makeLog } from '../base/log.ts';
import { servePages } from '../base/serving/http-server.ts';
import { hostOf } from '../base/serving/listen.ts';
import { RateLimiter } from '../base/serving/rate-limit.ts';
import { systemTimers } from '../base/system-timers.ts';
import type { Timers } from '../base/time.ts';
import { openBlobPlace } from '../coordinator/blob-place.ts';
import type { BlobStore } from '../coordinator/blobs/blob-store.ts';
import { openLink } from '../coordinator/ground.ts';
import { type ConnectionRoom, connectionRoom, openFilesMax } from '../coordinator/grpc/connections/descriptors.ts';
import { strangerConnections } from '../coordinator/grpc/listeners.ts';
import { lockDataDir } from '../coordinator/ledger/data-dir-lock.ts';
import { healthPages } from '../coordinator/observability/health-pages.ts';
import { leadingMetrics } from '../coordinator/observability/leading-metrics.ts';
import { Metrics } from '../coordinator/observability/metrics.ts';
import { Attendance } from './attendance.ts';
import type { DoorConfig } from './config.ts';
import type { DoorCredentials } from './credentials.ts';
import { EnrolmentWay } from './enrolment-way.ts';
import { JournalTail } from './journal-tail.ts';
import { LeaderLink } from './leader-link.ts';
import { doorMetrics } from './metrics.ts';
import { keepRenewing, newestCredentials } from './renewal.ts';
import { openServing } from './serving.ts';
import { whyUnheard } from './standing.ts';

const trimEveryMs = 60_000;
const limitedNetworksMax = 10_000;

export type DoorProcess = Readonly<{
  addresses: Readonly<{ enrolment: string; federation: string; health: string }>;
  /** Why it cannot go on, if that ever comes: then close and exit. */
  halted: Promise<Fault>;
  /** Streams told to come again, uploads finished or cut after the grace. May be called twice. */
  close(): Promise<void>;
}>;

type Options = Readonly<{ log?: Log; environment?: NodeJS.ProcessEnv; timers?: Timers }>;

/** Starts a door: start → ready. Refused with the first thing that is missing; nothing is left open then. */
export async function startDoor(
  config: DoorConfig,
  { log = makeLog(config.log.level), environment = process.env, timers = systemTimers }: Options = {},
): Promise<Result<DoorProcess>> {
  // A newcomer's takes two: from him, and on to the leader.
  const { enrolment } = config.connections;
  const newcomers = { ...enrolment, atOnceMax: 2 * enrolment.atOnceMax };
  const room = connectionRoom({ ...config.connections, enrolment: newcomers }, openFilesMax());
  if (!room.ok) return room;
  const lock = lockDataDir(config.dataDirectory);
  if (!lock.ok) return lock;
  const undo: (() => unknown)[] = [() => lock.value.release()];
  try {
    const started = await start({ config, log, environment, timers, room: room.value, undo });
    if (!started.ok) await undone(undo);
    return started;
  } catch (error) {
    await undone(undo);
    throw error;
  }
}

async function undone(undo: readonly (() => unknown)[]): Promise<void> {
  for (const each of undo) await each();
}

type Start = Required<Options> & Pick<Parts, 'config' | 'room' | 'undo'>;

async function start({ config, log, environment, timers, room, undo }: Start): Promise<Result<DoorProcess>> {
  const credentials = newestCredentials(config.credentials, config.dataDirectory);
  if (!credentials.ok) return credentials;
  const trouble = (code: string, cause: string) => log.warn({ code, cause }, 'trouble');
  const place = await openBlobPlace(config, environment, timers, trouble);
  if (!place.ok) return place;
  if (place.value === undefined)
    return refuse('CONFIG_INVALID', 'blobs.s3: a door needs the bucket of its coordinator');
  const bucket = place.value;
  undo.unshift(() => bucket.close());
  const link = await openLink(config.journal.postgres, environment, timers);
  if (!link.ok) return link;
  undo.unshift(() => link.value.close());
  const tail = await JournalTail.open(link.value, credentials.value.federation, log);
  if (!tail.ok) return tail;
  undo.unshift(() => tail.value.close());
  const unheard = whyUnheard(credentials.value, tail.value, timers.now());
  if (unheard !== undefined) return { ok: false, fault: unheard };
  const { blobs, trim } = await bucket.join();
  const parts = { config, log, timers, room, tail: tail.value, credentials: credentials.value };
  return ok(await serve({ ...parts, blobs, trim, undo }));
}

type Parts = Readonly<{
  config: DoorConfig;
  log: Log;
  timers: Timers;
  room: ConnectionRoom;
  tail: JournalTail;
  credentials: DoorCredentials;
  blobs: BlobStore;
  trim: () => Promise<void>;
  /** What is to be closed, last first. */
  undo: (() => unknown)[];
}>;

async function serve(parts: Parts): Promise<DoorProcess> {
  const { config, log, timers, room, tail, trim, undo } = parts;
  const { listen, enrolments, connections } = config;
  const metrics = new Metrics();
  let credentials = parts.credentials;
  const attendance = new Attendance();
  const leader = new LeaderLink({ credentials: () => credentials, attendance, timers, log });
  undo.unshift(() => leader.close());
  tail.onEpoch(() => leader.lookAgain());
  let unready: string | undefined = 'starting';
  const health = await servePages(
    listen.health,
    healthPages(metrics.registry, async () => unready ?? reasonNotToCome(leader, tail)),
  );
  undo.unshift(() => health.close());
  let graceMs = 0;
  const serving = await openServing({ ...parts, metrics, leader, attendance, credentials });
  undo.unshift(() => serving.close(graceMs));
  const way = new EnrolmentWay({
    addresses: () => credentials.enrolAddresses,
    limiter: new RateLimiter({
      burst: enrolments.burst,
      refillMs: 60_000 / enrolments.perMinute,
      keysMax: limitedNetworksMax,
    }),
    caps: strangerConnections(connections, { enrolment: Math.floor(room.enrolment / 2) }),
    onwardMax: Math.min(connections.enrolment.perAddressMax, Math.floor(room.enrolment / 2)),
    timers,
    refused: (why) => metrics.connectionRefused('enrolment', why),
  });
  const enrolmentPort = await way.listen(listen.enrolment);
  undo.unshift(() => way.close());
  metrics.connections(() => ({ enrolment: way.openCount, federation: serving.openCount }));
  leadingMetrics(metrics.registry, () => ({ isLeader: false, epoch: tail.epoch, entry: tail.state().seq }));
  doorMetrics(metrics.registry, () => ({
    isLed: leader.away === undefined,
    watches: attendance.size,
    journalAgeMs: tail.ageMs,
  }));
  const endRenewing = keepRenewing({
    ...{ dataDirectory: config.dataDirectory, leader, timers, log },
    credentials: () => credentials,
    renewed(fresh) {
      credentials = fresh;
      serving.replaceIdentity(fresh);
      leader.lookAgain();
      log.info({ door: fresh.name }, "the door's certificates are renewed");
    },
  });
  const trimming = timers.every(trimEveryMs, () => {
    trim().catch((error) => log.warn({ err: error }, 'copies of blobs are not trimmed'));
  });
  const unheard = Promise.withResolvers<Fault>();
  tail.follow(({ event }) => {
    if (event.kind !== 'doorRevoked' && event.kind !== 'doorAdded') return;
    const why = whyUnheard(credentials, tail, timers.now());
    if (why !== undefined) unheard.resolve(why);
  });
  const halted = Promise.race([tail.halted, unheard.promise]);
  void halted.then(({ code, message }) => log.error({ code, cause: message }, 'this door cannot go on'));
  unready = undefined;
  leader.start();
  const addresses = {
    enrolment: `${hostOf(listen.enrolment)}:${enrolmentPort}`,
    federation: `${hostOf(listen.federation)}:${serving.port}`,
    health: `${hostOf(listen.health)}:${health.port}`,
  };
  log.info({ federation: tail.federation, door: credentials.name, addresses }, 'door ready');
  const close = async () => {
    unready = 'draining';
    graceMs = config.drainSeconds * 1000;
    endRenewing();
    timers.cancel(trimming);
    await undone(undo);
    log.info({ door: credentials.name }, 'door closed');
  };
  let closing: Promise<void> | undefined;
  return {
    addresses,
    halted,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Why a Service should lead nobody here. */
function reasonNotToCome(leader: LeaderLink, tail: JournalTail): string | undefined {
  if (leader.away !== undefined) return `no coordinator that leads is reached: ${leader.away.code}`;
  if (tail.isOld) return `the journal was read ${Math.floor(tail.ageMs / 1000)} s ago: members may be old`;
  return undefined;
}
