import type { Log } from '../base/log.ts';
import { RateLimiter } from '../base/serving/rate-limit.ts';
import type { Timers } from '../base/time.ts';
import { AccessControl } from '../coordinator/access/access-control.ts';
import { ruleOf } from '../coordinator/access/calls.ts';
import { ConcurrencyLimit } from '../coordinator/access/concurrency-limit.ts';
import { OpenCalls } from '../coordinator/access/open-calls.ts';
import type { BlobStore } from '../coordinator/blobs/blob-store.ts';
import type { ConnectionRoom } from '../coordinator/grpc/connections/descriptors.ts';
import { Door } from '../coordinator/grpc/door.ts';
import { FileFetches } from '../coordinator/grpc/federation/file-fetches.ts';
import { servedModelBytes } from '../coordinator/grpc/federation/models.ts';
import { Watchers } from '../coordinator/grpc/federation/watch.ts';
import { Listener, membersCaps } from '../coordinator/grpc/listener.ts';
import { memberConnections, unreadRules } from '../coordinator/grpc/listeners.ts';
import { HandshakeLog } from '../coordinator/grpc/refused-handshakes.ts';
import { ReleaseStreams } from '../coordinator/grpc/releases/release-streams.ts';
import { UpdateIntake } from '../coordinator/grpc/updates/update-intake.ts';
import { UploadGate } from '../coordinator/grpc/updates/upload-gate.ts';
import { endsMembership } from '../coordinator/members/ends-membership.ts';
import type { Metrics } from '../coordinator/observability/metrics.ts';
import { ServedFiles } from '../coordinator/registry/keeping/served-files.ts';
import type { Digest } from '../proto/ids.ts';
import type { Attendance } from './attendance.ts';
import type { DoorConfig } from './config.ts';
import type { DoorCredentials } from './credentials.ts';
import { deskOfDoor } from './door-desk.ts';
import type { JournalTail } from './journal-tail.ts';
import type { LeaderLink } from './leader-link.ts';
import { DoorRefusals } from './refusals.ts';
import { ReleaseShelf } from './release-shelf.ts';
import { doorServices } from './services.ts';

const heartbeatMs = 20_000;
const recheckMs = 15_000;

type ServingParts = Readonly<{
  config: DoorConfig;
  log: Log;
  timers: Timers;
  room: ConnectionRoom;
  tail: JournalTail;
  blobs: BlobStore;
  metrics: Metrics;
  leader: LeaderLink;
  attendance: Attendance;
  credentials: DoorCredentials;
}>;

/** What clusters reach over gRPC. */
export type Serving = Readonly<{
  port: number;
  openCount: number;
  replaceIdentity(credentials: DoorCredentials): void;
  /** Tells standing streams to come again, lets work end for `graceMs`, then ends it. */
  close(graceMs: number): Promise<void>;
}>;

/** Opens the port for clusters. Throws when it cannot be had; nothing is left open then. */
export async function openServing(parts: ServingParts): Promise<Serving> {
  const { config, log, timers, room, tail, blobs, metrics, leader, attendance } = parts;
  const { uploads, fetches, watches } = config;
  const catchUp = () => tail.catchUp();
  const refusals = new DoorRefusals({ federation: tail.federation, leader, timers, log });
  const openCalls = new OpenCalls();
  const facts = {
    federation: tail.federation,
    state: () => tail.state(),
    follow: tail.follow.bind(tail),
    refuse: refusals.refuse.bind(refusals),
  };
  const nobodyLimited = new RateLimiter({ burst: 1, refillMs: 1, keysMax: 1 }); // No call of clusters is limited by address.
  const access = new AccessControl({
    ...{ engine: facts, openCalls, limiter: nobodyLimited, log, timers, catchUp },
    isOld: () => tail.isOld,
  });
  const gate = new UploadGate({ ...uploads, perPeerMax: uploads.perClusterMax });
  const pace = {
    idleMsMax: uploads.idleSecondsMax * 1000,
    graceMs: uploads.graceSeconds * 1000,
    bytesPerSecondMin: uploads.bytesPerSecondMin,
  };
  const fetchesOf = (sizeOf: (digest: Digest) => number | undefined) => {
    const limit = new ConcurrencyLimit('FETCHES_BUSY', { ...fetches, perPeerMax: fetches.perClusterMax });
    return new FileFetches({ blobs, sizeOf, catchUp, limit, pace, metrics, timers });
  };
  const served = new ServedFiles(() => tail.state());
  const trouble = (code: string, cause: string) => log.warn({ code, cause }, 'trouble with releases');
  const shelf = new ReleaseShelf({ facts: tail, blobs, timers, trouble });
  const watchCaps = { atOnceMax: watches.atOnceMax, perPeerMax: watches.perClusterMax, waitingMax: 0 };
  const services = doorServices({
    door: new Door({ access, metrics, timers }),
    leader,
    intake: new UpdateIntake({ desk: deskOfDoor({ tail, leader, blobs, timers }), gate, pace, metrics, timers }),
    watchers: new Watchers<Buffer, Buffer>({
      source: attendance.source,
      limit: new ConcurrencyLimit('WATCHES_BUSY', watchCaps),
      heartbeatMs,
      timers,
    }),
    models: fetchesOf((digest) => servedModelBytes(tail.state(), digest)),
    files: fetchesOf((digest) => served.bytesOf(digest)),
    streams: new ReleaseStreams({ engine: tail, registry: shelf }),
  });
  const handshakes = new HandshakeLog(log, timers);
  const listener = new Listener({
    identity: identityOf(parts.credentials),
    trusted: parts.credentials.authority,
    session: membersCaps,
    connections: memberConnections(config.connections, room),
    unread: unreadRules(config.connections),
    timers,
    onConnectionRefused: (why) => metrics.connectionRefused('federation', why),
    onHandshakeRefused: (why, address, code) => {
      metrics.handshakeRefused('federation', why);
      handshakes.refused({ listener: 'federation', why, address, code });
    },
    onCallRefused: (path, peer, fault) => {
      const rule = ruleOf(path);
      if (rule !== undefined) access.refuseUnserved(rule, { ...peer, name: path }, fault);
      metrics.call(path, fault.code, 0);
    },
  });
  for (const { definition, implementation } of services) listener.grpc.addService(definition, implementation);
  const recheck = timers.every(recheckMs, () => openCalls.recheck(timers.now()));
  const unfollow = tail.follow(({ event }) => {
    if (endsMembership.has(event.kind)) openCalls.recheck(timers.now());
    if (event.kind !== 'roundKeyDestroyed') return;
    gate.forgetRound(`${event.track}/${event.round}`);
    blobs.dropUploads(event.track, event.round).catch((error) => log.warn({ err: error }, 'unfinished uploads stay'));
  });
  const close = async (graceMs: number) => {
    timers.cancel(recheck);
    unfollow();
    openCalls.drain({ code: 'DRAINING', message: 'the door is stopping; connect again' });
    const forced = timers.after(graceMs, () => listener.force());
    await listener.drained();
    timers.cancel(forced);
    listener.force();
    handshakes.close();
    await shelf.close();
    await refusals.close();
  };
  const port = await listener.listen(config.listen.federation).catch(async (error: unknown) => {
    await close(0);
    throw error;
  });
  return {
    port,
    get openCount() {
      return listener.connections.openCount;
    },
    replaceIdentity: (credentials) => listener.replaceIdentity(identityOf(credentials)),
    close,
  };
}

function identityOf({ serverChain: chain, key }: DoorCredentials) {
  return { chain, key };
}
