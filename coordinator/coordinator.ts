import { randomBytes } from 'node:crypto';
import { ok, type Result } from '../proto/fault.ts';
import { Admission } from './admission/admission.ts';
import { UploadGate } from './admission/upload-gate.ts';
import { buildVersion } from './build.ts';
import type { CoordinatorConfig } from './config/config.ts';
import { declareTracks } from './declared-tracks.ts';
import { openEngine } from './engine/open-engine.ts';
import type { Engine } from './engine.ts';
import { Door } from './grpc/door.ts';
import { memberEnrolment, strangerEnrolment } from './grpc/enrolment-service.ts';
import { federationService } from './grpc/federation-service.ts';
import { Listeners } from './grpc/listeners.ts';
import { OpenCalls } from './grpc/open-calls.ts';
import { operatorService, releasesService } from './grpc/operator/operator-service.ts';
import { Watchers } from './grpc/watch.ts';
import { type Authority, pemOfChain } from './identity/authority.ts';
import { type Estate, openEstate } from './identity/estate.ts';
import { readMasterKey } from './identity/master-key.ts';
import { Membership } from './identity/membership.ts';
import { RateLimiter } from './identity/rate-limit.ts';
import { HealthServer } from './observability/health-server.ts';
import { type Log, makeLog } from './observability/log.ts';
import { Metrics } from './observability/metrics.ts';
import { RoundObserver } from './observability/round-observer.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Open streams are checked for revoked and ended certificates this often; revocations are also acted on at once. */
const recheckMs = 15_000;
const heartbeatMs = 20_000;

/** A running coordinator. */
export type Coordinator = Readonly<{
  /** host:port of each listener, as bound: a port 0 has become a number. */
  addresses: Readonly<{ enrolment: string; federation: string; health: string }>;
  engine: Engine;
  membership: Membership;
  authority: Authority;
  /** Why the engine stopped by itself, if it ever does: then close. */
  halted: Engine['halted'];
  /** Not ready, streams told, uploads finished or cut after the grace, journal closed. May be called twice. */
  close(): Promise<void>;
}>;

export type CoordinatorOptions = Readonly<{ log?: Log; environment?: NodeJS.ProcessEnv }>;

/** Starts a coordinator: start → ready. Refused with the first thing that is missing; nothing is left open then. */
export async function startCoordinator(
  config: CoordinatorConfig,
  { log = makeLog(config.log.level), environment = process.env }: CoordinatorOptions = {},
): Promise<Result<Coordinator>> {
  const masterKey = await readMasterKey(config.masterKey, environment);
  if (!masterKey.ok) return masterKey;
  const estate = await openEstate(config.dataDirectory, config.federation, masterKey.value, Date.now());
  if (!estate.ok) return estate;
  const metrics = new Metrics();
  const opened = await openEngine({
    dataDir: config.dataDirectory,
    federation: config.federation,
    build: buildVersion(),
    keyStore: estate.value.vault,
    redis: config.redis,
    trouble: (code, cause) => log.warn({ code, cause }, 'trouble'),
    committed: (_entries, seconds) => metrics.journalSynced(seconds),
  });
  if (!opened.ok) return opened;
  const engine = opened.value;
  try {
    const declared = await declareTracks(engine, config.tracks);
    if (declared.ok) return ok(await serve(config, engine, estate.value, metrics, log));
    await engine.close();
    return declared;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function serve(
  config: CoordinatorConfig,
  engine: Engine,
  { authority, receiptKey }: Estate,
  metrics: Metrics,
  log: Log,
): Promise<Coordinator> {
  const { certificates, uploads, enrolments } = config;
  const membership = new Membership(engine, authority, {
    clusterMs: certificates.clusterHours * hourMs,
    operatorMs: certificates.operatorDays * dayMs,
  });
  const openCalls = new OpenCalls();
  const door = new Door({ engine, openCalls, log, metrics });
  const gate = new UploadGate({
    uploadsMax: uploads.atOnceMax,
    uploadsPerPeerMax: uploads.perClusterMax,
    waitingMax: uploads.waitingMax,
    attemptsMax: uploads.attemptsMax,
  });
  const pace = {
    idleMsMax: uploads.idleSecondsMax * 1000,
    graceMs: uploads.graceSeconds * 1000,
    bytesPerSecondMin: uploads.bytesPerSecondMin,
  };
  const admission = new Admission({ engine, gate, pace, receiptKey, metrics });
  const limiter = new RateLimiter({
    burst: enrolments.burst,
    refillMs: 60_000 / enrolments.perMinute,
    keysMax: 10_000,
  });
  const watchers = new Watchers(engine, heartbeatMs);

  const serverIdentity = async () => {
    const hosts = ['localhost', '127.0.0.1', '::1', ...config.serverNames];
    const plan = authority.plan(Date.now(), certificates.serverDays * dayMs, randomBytes(9));
    const { chain, key } = await authority.issueServer(hosts, plan);
    return { identity: { chain: pemOfChain(chain), key }, renewInMs: (plan.expiresAtMs - Date.now()) * (2 / 3) };
  };
  const first = await serverIdentity();
  const listeners = new Listeners(first.identity, authority.rootCertificate);
  const federation = config.federation;
  const ports = await listeners.listen(config.listen, {
    stranger: [strangerEnrolment({ door, membership, federation, limiter, receiptKey: receiptKey.publicKey })],
    member: [
      memberEnrolment({ door, membership }),
      federationService({ door, engine, admission, watchers, metrics }),
      operatorService({ door, engine, membership }),
      releasesService({ door }),
    ],
  });

  const observer = new RoundObserver(() => engine.state(), metrics, log);
  const unfollow = engine.follow((entry) => {
    observer.observe(entry);
    const { kind } = entry.event;
    if (kind === 'clusterRevoked' || kind === 'operatorRemoved' || kind === 'clusterEnrolled')
      openCalls.recheck(Date.now());
    if (entry.event.kind === 'roundKeyDestroyed') gate.forgetRound(`${entry.event.track}/${entry.event.round}`);
  });
  const recheck = setInterval(() => openCalls.recheck(Date.now()), recheckMs);
  let renewal: NodeJS.Timeout | undefined;
  const renewLater = (inMs: number) => {
    renewal = setTimeout(
      async () => {
        const next = await serverIdentity();
        listeners.replaceIdentity(next.identity);
        renewLater(next.renewInMs);
      },
      Math.min(inMs, 2 ** 31 - 1),
    );
  };
  renewLater(first.renewInMs);

  let unready: string | undefined;
  void engine.halted.then(({ code, message }) => {
    unready = `halted: ${code}`;
    listeners.setServing(false);
    log.fatal({ code, cause: message }, 'coordinator halted');
  });
  const health = await HealthServer.start(config.listen.health, { registry: metrics.registry, unready: () => unready });
  listeners.setServing(true);
  const addresses = {
    enrolment: `${hostOf(config.listen.enrolment)}:${ports.enrolmentPort}`,
    federation: `${hostOf(config.listen.federation)}:${ports.federationPort}`,
    health: `${hostOf(config.listen.health)}:${health.port}`,
  };
  log.info({ federation, epoch: engine.epoch, addresses }, 'coordinator ready');

  let closing: Promise<void> | undefined;
  const close = async () => {
    unready = 'draining';
    listeners.setServing(false);
    clearInterval(recheck);
    clearTimeout(renewal);
    openCalls.drain({ code: 'DRAINING', message: 'the coordinator is stopping; connect again later' });
    await listeners.drain(config.drainSeconds * 1000);
    unfollow();
    await engine.close();
    await health.close();
    log.info({ federation }, 'coordinator closed');
  };
  return {
    addresses,
    engine,
    membership,
    authority,
    halted: engine.halted,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
