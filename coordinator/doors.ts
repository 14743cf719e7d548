import { keepRenewed } from '../base/certificates/keep-renewed.ts';
import type { Log } from '../base/log.ts';
import { RateLimiter } from '../base/serving/rate-limit.ts';
import type { Timers } from '../base/time.ts';
import type { Digest } from '../proto/ids.ts';
import { AccessControl } from './access/access-control.ts';
import { ruleOf } from './access/calls.ts';
import { ConcurrencyLimit } from './access/concurrency-limit.ts';
import { OpenCalls } from './access/open-calls.ts';
import type { Sessions } from './access/sessions.ts';
import type { CoordinatorConfig } from './config/config.ts';
import type { ConnectionRoom } from './grpc/connections/descriptors.ts';
import { Door } from './grpc/door.ts';
import { Attendances } from './grpc/doors/attendances.ts';
import { doorsService } from './grpc/doors/doors-service.ts';
import { HandedOn } from './grpc/doors/handed-on.ts';
import { memberEnrolment, strangerEnrolment } from './grpc/enrolment-service.ts';
import { federationService } from './grpc/federation/federation-service.ts';
import { FileFetches } from './grpc/federation/file-fetches.ts';
import { servedModelBytes } from './grpc/federation/models.ts';
import { Watchers, watchSourceOf } from './grpc/federation/watch.ts';
import { healthService, ServingState } from './grpc/health.ts';
import { Listeners } from './grpc/listeners.ts';
import { operatorService } from './grpc/operator/operator-service.ts';
import { reflectionServices } from './grpc/reflection.ts';
import { HandshakeLog } from './grpc/refused-handshakes.ts';
import { ReleaseStreams } from './grpc/releases/release-streams.ts';
import { releasesService } from './grpc/releases/releases-service.ts';
import { responsesService } from './grpc/releases/responses-service.ts';
import { ToolStreams } from './grpc/tool-streams.ts';
import { deskOfEngine } from './grpc/updates/intake-desk.ts';
import { UpdateIntake } from './grpc/updates/update-intake.ts';
import { UploadGate } from './grpc/updates/upload-gate.ts';
import type { CoordinatorKeys } from './keys/coordinator-keys.ts';
import { issueServerIdentity } from './keys/server-certificate.ts';
import type { JournalEntry } from './ledger/journal/entry.ts';
import { Challenges } from './members/challenges.ts';
import { DoorMembers } from './members/door-members.ts';
import { endsMembership } from './members/ends-membership.ts';
import { Membership } from './members/membership.ts';
import { Rejoining } from './members/rejoining.ts';
import type { Metrics } from './observability/metrics.ts';
import type { RoundTraces } from './observability/round-traces.ts';
import { ResponseReports } from './registry/decide/response-reports.ts';
import type { Registry } from './registry/registry.ts';
import type { Engine } from './rounds/engine.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Open streams are checked for revoked and ended certificates this often; revocations are also acted on at once. */
const recheckMs = 15_000;
const heartbeatMs = 20_000;
const limitedAddressesMax = 10_000;

type DoorsParts = Readonly<{
  config: CoordinatorConfig;
  engine: Engine;
  registry: Registry;
  keys: CoordinatorKeys;
  metrics: Metrics;
  traces: RoundTraces;
  log: Log;
  timers: Timers;
  room: ConnectionRoom;
  /** Of the dashboard, which operators open here. */
  sessions: Sessions;
}>;

/** Everything that is reached over gRPC, and what keeps it in order while it is open. */
export type Doors = Readonly<{
  membership: Membership;
  /** What every call passes, for other transports too. */
  access: AccessControl;
  ports: Readonly<{ enrolmentPort: number; federationPort: number }>;
  setServing(serving: boolean): void;
  /** Tells standing streams to come back later, lets work end for `graceMs`, then ends it. */
  close(graceMs: number): Promise<void>;
}>;

/** Opens both gRPC ports. Throws when one cannot be had; nothing is left open then. */
export async function openDoors(parts: DoorsParts): Promise<Doors> {
  const { config, engine, registry, keys, metrics, traces, log, timers, room } = parts;
  const { federation, certificates, uploads, fetches, watches, enrolments } = config;
  const { authority, receiptKey } = keys;
  const membership = new Membership(
    engine,
    authority,
    {
      clusterMs: certificates.clusterHours * hourMs,
      operatorMs: certificates.operatorDays * dayMs,
    },
    timers.now,
  );
  const rejoining = new Rejoining({
    store: engine,
    authority,
    challenges: new Challenges(timers),
    times: { certificateMs: certificates.clusterHours * hourMs, graceMs: certificates.rejoinGraceDays * dayMs },
  });
  const gate = new UploadGate({
    atOnceMax: uploads.atOnceMax,
    perPeerMax: uploads.perClusterMax,
    waitingMax: uploads.waitingMax,
    attemptsMax: uploads.attemptsMax,
  });
  const pace = {
    idleMsMax: uploads.idleSecondsMax * 1000,
    graceMs: uploads.graceSeconds * 1000,
    bytesPerSecondMin: uploads.bytesPerSecondMin,
  };
  const limiter = new RateLimiter({
    burst: enrolments.burst,
    refillMs: 60_000 / enrolments.perMinute,
    keysMax: limitedAddressesMax,
  });
  const openCalls = new OpenCalls();
  const access = new AccessControl({ engine, openCalls, limiter, log, timers });
  const door = new Door({ access, metrics, timers });
  const desk = deskOfEngine({ engine, receiptKey, traces });
  const intake = new UpdateIntake({ desk, gate, pace, metrics, timers });
  const fetchCaps = {
    atOnceMax: fetches.atOnceMax,
    perPeerMax: fetches.perClusterMax,
    waitingMax: fetches.waitingMax,
  };
  // Training and serving wait in lines of their own: neither keeps a cluster from the other.
  const fetchesOf = (sizeOf: (digest: Digest) => number | undefined) =>
    new FileFetches({
      blobs: engine.blobs,
      sizeOf,
      limit: new ConcurrencyLimit('FETCHES_BUSY', fetchCaps),
      pace,
      metrics,
      timers,
    });
  const modelFetches = fetchesOf((digest) => servedModelBytes(engine.state(), digest));
  const releaseFetches = fetchesOf((digest) => registry.servedBytes(digest));
  const watchLimit = new ConcurrencyLimit('WATCHES_BUSY', {
    atOnceMax: watches.atOnceMax,
    perPeerMax: watches.perClusterMax,
    waitingMax: 0, // A watch has no end to wait for.
  });
  const watchers = new Watchers({ source: watchSourceOf(engine), limit: watchLimit, heartbeatMs, timers });
  const doorMembers = new DoorMembers(engine, authority, certificates.doorDays * dayMs);
  const attendances = new Attendances({ access, watchers, receiptKey, timers });
  const releaseStreams = new ReleaseStreams({ engine, registry });
  const toolStreams = new ToolStreams(engine);
  const serving = new ServingState();

  const hosts = ['localhost', '127.0.0.1', '::1', ...config.serverNames];
  const issue = () =>
    issueServerIdentity(authority, hosts, { nowMs: timers.now(), lifetimeMs: certificates.serverDays * dayMs });
  const identity = await issue();
  const handshakes = new HandshakeLog(log, timers);
  const listeners = new Listeners({
    identity,
    trusted: authority.rootCertificate,
    settings: config.connections,
    room,
    timers,
    onConnectionRefused: (listener, why) => metrics.connectionRefused(listener, why),
    onHandshakeRefused: (listener, why, address, code) => {
      metrics.handshakeRefused(listener, why);
      handshakes.refused({ listener, why, address, code });
    },
    onCallRefused: (path, peer, fault) => {
      const rule = ruleOf(path);
      if (rule !== undefined) access.refuseUnserved(rule, { ...peer, name: path }, fault);
      metrics.call(path, fault.code, 0);
    },
  });
  metrics.connections(() => listeners.openCounts);
  const ofClusters = [
    memberEnrolment({ door, membership, facts: engine }),
    federationService({ door, intake, watchers, fetches: modelFetches, alerts: engine.alerts, maps: engine.maps }),
    releasesService({ door, registry, streams: releaseStreams, fetches: releaseFetches }),
    responsesService({
      door,
      reports: new ResponseReports(engine, receiptKey, timers.now),
      board: engine.responses,
      receiptKey: receiptKey.publicKey,
    }),
  ];
  const handedOn = new HandedOn(ofClusters);
  const services = {
    stranger: [strangerEnrolment({ door, membership, rejoining, federation, receiptKey: receiptKey.publicKey })],
    member: [
      ...ofClusters,
      doorsService({
        door,
        access,
        intake,
        handedOn,
        attendances,
        members: doorMembers,
        facts: engine,
        refusals: engine,
      }),
      operatorService({
        door,
        engine,
        membership,
        registry,
        sessions: parts.sessions,
        doors: doorMembers,
        attendances,
      }),
      healthService({ door, serving, streams: toolStreams }),
      ...reflectionServices({ door, streams: toolStreams }),
    ],
  };
  const ports = await listeners.listen(config.listen, services).catch(async (error: unknown) => {
    await listeners.drain(0);
    throw error;
  });

  const stopRenewing = keepRenewed({
    first: identity,
    timers,
    issue,
    replace: (renewed) => listeners.replaceIdentity(renewed),
    failed: (error) => log.error({ err: error }, 'server certificate not renewed'),
  });
  const recheck = timers.every(recheckMs, () => openCalls.recheck(timers.now()));
  const unfollow = engine.follow(({ event }: JournalEntry) => {
    if (endsMembership.has(event.kind)) openCalls.recheck(timers.now());
    if (event.kind === 'roundKeyDestroyed') gate.forgetRound(`${event.track}/${event.round}`);
  });
  return {
    membership,
    access,
    ports,
    setServing: (isServing) => serving.set(isServing),
    async close(graceMs) {
      serving.set(false);
      stopRenewing();
      timers.cancel(recheck);
      unfollow();
      openCalls.drain({ code: 'DRAINING', message: 'the coordinator is stopping; connect again later' });
      await listeners.drain(graceMs);
      handshakes.close();
    },
  };
}
