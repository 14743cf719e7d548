import type { ServerUnaryCall } from '@grpc/grpc-js';
import { keepRenewed } from '../../base/certificates/keep-renewed.ts';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { faultFields, type Log } from '../../base/log.ts';
import type { Timer, Timers } from '../../base/time.ts';
import {
  type AcknowledgeRequest,
  type AcknowledgeResponse,
  InstallOutcome,
  type ReportShadowRequest,
  type ReportShadowResponse,
} from '../../proto/generated/testudo/v1/releases.ts';
import {
  AlertsService,
  type JournalEvidenceRequest,
  type JournalEvidenceResponse,
  type ReportBreakerRequest,
  type ReportBreakerResponse,
  ResponsesService,
  type TellStandingRequest,
  type TellStandingResponse,
} from '../../proto/generated/testudo/v1/responses.ts';
import {
  AdmissionService,
  type AdmitRequest,
  type AdmitResponse,
  type DeliverRequest,
  type DeliverResponse,
  SensorsService,
} from '../../proto/generated/testudo/v1/sensors.ts';
import { type ClusterId, type FederationId, isTrackId, type TrackId } from '../../proto/ids.ts';
import { messageBytesMax } from '../../proto/wire-names.ts';
import type { ReleaseFiles } from '../releases/release-files.ts';
import { TokenJudge } from './admit.ts';
import type { AlertBook } from './alert-book.ts';
import { type AlertWatcher, serveAlerts } from './alert-service.ts';
import type { HubAuthority, HubIdentity } from './authority.ts';
import { type DeliveredKind, Deliveries, type DeliveryPorts, type ItemFaultCode } from './delivery.ts';
import { nameOfCaller, refuseCall, unary } from './handler.ts';
import type { HubConfig } from './hub-config.ts';
import { HubListener } from './listener.ts';
import type { HubFaultCode } from './refusal.ts';
import { fetchAhead } from './releases/fetch-ahead.ts';
import {
  type Fetcher,
  ReleaseFileServer,
  relayedReleases,
  type Subscriber,
  serveReleases,
} from './releases/release-service.ts';
import type { ReleasesRelay } from './releases/releases-relay.ts';
import type { ResponseRelay } from './response-relay.ts';
import { type KnownSensor, SensorBook } from './sensor-book.ts';
import { SparseLog } from './sparse-log.ts';

export type HubParts = Readonly<{
  config: HubConfig;
  authority: HubAuthority;
  relay: ReleasesRelay;
  /** For the cluster's response agent. */
  alerts: AlertBook;
  /** Hears what the agent tells. */
  coordinator: ResponseRelay;
  /** The hub's own agent's. */
  files: ReleaseFiles;
  tracks: readonly TrackId[];
  /** Undefined until the cluster is a member of a federation. */
  who(): Readonly<{ federation: FederationId; cluster: ClusterId }> | undefined;
  delivery: Omit<DeliveryPorts, 'refused'>;
  onDelivered(sensor: KnownSensor): void;
  /** Every few seconds, with all that are known. */
  onBeat(book: SensorBook): void;
  onRefused(code: HubFaultCode): void;
  /** Of a batch that was taken in, one thing was not. */
  onItemRefused(what: DeliveredKind, code: ItemFaultCode): void;
  log: Log;
  timers: Timers;
}>;

const hourMs = 3_600_000;
/** A sensor that has said nothing for so long is no sensor of this cluster any more. */
const silentMs = hourMs;
const beatMs = 5_000;

/** The client as its cluster's hub: admits sensors and the response agent, takes in what they say, and relays releases and levels to them. */
export class Hub {
  readonly ports: Readonly<{ sensors: number; admission: number }>;
  readonly book: SensorBook;
  readonly #parts: HubParts;
  readonly #listeners: readonly HubListener[];
  readonly #stopping: AbortController;
  readonly #stopRenewing: () => void;
  readonly #beats: readonly Timer[];
  readonly #fetching: Promise<void>;

  private constructor(
    parts: HubParts,
    opened: Readonly<{
      ports: Hub['ports'];
      book: SensorBook;
      listeners: readonly HubListener[];
      stopping: AbortController;
      identity: HubIdentity;
    }>,
  ) {
    this.#parts = parts;
    this.ports = opened.ports;
    this.book = opened.book;
    this.#listeners = opened.listeners;
    this.#stopping = opened.stopping;
    const { timers, authority, log } = parts;
    const onFailed = (track: TrackId, version: number, fault: Fault) =>
      log.warn({ ...faultFields(fault), track, version }, 'a release could not be fetched ahead of the agent');
    this.#fetching = fetchAhead({ ...parts, onFailed }, opened.stopping.signal);
    this.#stopRenewing = keepRenewed({
      first: opened.identity,
      timers,
      issue: () => authority.issueServer(timers.now()),
      replace: (renewed) => {
        for (const listener of this.#listeners) listener.replaceIdentity(renewed);
      },
      failed: (error) => log.error({ cause: (error as Error).message }, "the hub's certificate could not be renewed"),
    });
    this.#beats = [
      timers.every(beatMs, () => parts.onBeat(this.book), { background: true }),
      timers.every(hourMs / 60, () => this.book.forgetSilent(timers.now() - silentMs), { background: true }),
    ];
  }

  static async start(given: HubParts): Promise<Hub> {
    const { config, authority, timers } = given;
    const parts: Serving = { ...given, lines: new SparseLog(timers) };
    const identity = await authority.issueServer(timers.now());
    const common = { messageBytesMax, streamsMax: 16, ageMs: hourMs };
    const sensors = new HubListener(identity, authority.certificate, {
      ...common,
      certificates: 'required',
      connectionsMax: 3 * config.sensorsMax,
    });
    const strangers = new HubListener(identity, authority.certificate, {
      ...common,
      certificates: 'none',
      messageBytesMax: 64 << 10,
      connectionsMax: config.sensorsMax + 64,
      ageMs: 60_000,
    });
    const stopping = new AbortController();
    const deliveries = new Deliveries({ ...parts.delivery, refused: (...told) => refuseItem(parts, ...told) });
    const book = new SensorBook(config.sensorsMax, (node) => deliveries.levels.forget(node));
    const judge = new TokenJudge(config.admission, timers);
    strangers.grpc.addService(AdmissionService, { admit: unary(parts, (call) => admit(parts, judge, call)) });
    const files = new ReleaseFileServer((digest) => parts.files.path(digest), timers, stopping.signal);
    serveSensors(sensors, { parts, book, deliveries, files });
    serveAgent(sensors, parts);
    const ports = {
      sensors: await sensors.listen(config.listen),
      admission: await strangers.listen(config.admissionListen),
    };
    return new Hub(parts, { ports, book, listeners: [sensors, strangers], stopping, identity });
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    this.#stopRenewing();
    for (const timer of this.#beats) this.#parts.timers.cancel(timer);
    for (const listener of this.#listeners) listener.close();
    await this.#fetching;
    await this.#parts.relay.close();
  }
}

type Serving = HubParts & Readonly<{ lines: SparseLog }>;
type Served = Readonly<{ parts: Serving; book: SensorBook; deliveries: Deliveries; files: ReleaseFileServer }>;

const outcomeNames: Readonly<Record<number, string>> = {
  [InstallOutcome.INSTALL_OUTCOME_INSTALLED]: 'installed',
  [InstallOutcome.INSTALL_OUTCOME_SHADOWING]: 'shadowing',
  [InstallOutcome.INSTALL_OUTCOME_REFUSED]: 'refused',
  [InstallOutcome.INSTALL_OUTCOME_KEPT]: 'kept',
};

function refuseItem(
  { onItemRefused, lines, log }: Serving,
  node: string,
  what: DeliveredKind,
  fault: Fault<ItemFaultCode>,
): void {
  onItemRefused(what, fault.code);
  lines.line(`${what} ${fault.code}`, (since) =>
    log.warn({ node, what, ...faultFields(fault), ...since }, 'not taken in, and the rest of its batch was'),
  );
}

function serveSensors(listener: HubListener, { parts, book, deliveries, files }: Served): void {
  const heard = (
    call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>,
  ): Result<KnownSensor, 'CERTIFICATE_MISSING' | 'ROLE_INSUFFICIENT'> => {
    const node = nameOfCaller(call, 'sensor');
    return node.ok ? ok(book.heard(node.value, parts.timers.now())) : node;
  };
  let sequence = 0n;
  listener.grpc.addService(SensorsService, {
    deliver: unary<DeliverRequest, DeliverResponse>(parts, async (call) => {
      const sensor = heard(call);
      if (!sensor.ok) return sensor;
      const taken = await deliveries.take(sensor.value, call.request);
      if (!taken.ok) return taken;
      parts.onDelivered(sensor.value);
      const { node } = sensor.value;
      parts.log.debug(
        { node, alerts: call.request.alerts.length, examples: call.request.examples.length },
        'batch taken in',
      );
      return taken;
    }),
  });
  listener.grpc.addService(relayedReleases, {
    subscribe: (call: Subscriber) => {
      // The response policy stands in the signed set: the agent reads it from there.
      const isAgent = nameOfCaller(call, 'agent').ok;
      const sensor = isAgent ? ok(undefined) : heard(call);
      if (!sensor.ok) return void call.emit('error', refuseCall(parts, sensor.fault));
      void serveReleases(parts.relay, call).finally(() => call.end());
    },
    fetchFile: (call: Fetcher) => {
      const sensor = heard(call);
      if (!sensor.ok) return void call.emit('error', refuseCall(parts, sensor.fault));
      files.serve(call, sensor.value.node).then(
        (served) => {
          if (served.ok) call.end();
          else call.emit('error', refuseCall(parts, served.fault));
        },
        (error: Error) => call.destroy(error),
      );
    },
    /** What each sensor runs. Its signature is nobody's here: the connection says who speaks. */
    acknowledge: unary<AcknowledgeRequest, AcknowledgeResponse>(parts, async (call) => {
      const sensor = heard(call);
      if (!sensor.ok) return sensor;
      const { track, version, outcome, faultCode } = call.request;
      const { node, releases } = sensor.value;
      if (!isTrackId(track) || !/^[A-Z0-9_]{0,64}$/.test(faultCode)) {
        return refuse('REQUEST_INVALID', `${node}: what it says of a release is no report`);
      }
      const known = { version: Number(version), outcome: outcomeNames[outcome] ?? 'unknown', faultCode };
      if (releases.size < 16 || releases.has(track)) releases.set(track, known);
      parts.lines.line(`release ${node}`, (since) =>
        parts.log.info({ node, track, ...known, ...since }, 'a sensor spoke of a release'),
      );
      sequence += 1n;
      return ok({ sequence });
    }),
    reportShadow: unary<ReportShadowRequest, ReportShadowResponse>(parts, async (call) => {
      const sensor = heard(call);
      if (!sensor.ok) return sensor;
      sequence += 1n;
      return ok({ sequence });
    }),
  });
}

function serveAgent(listener: HubListener, parts: Serving): void {
  listener.grpc.addService(AlertsService, {
    watchAlerts: (call: AlertWatcher) => {
      const agent = nameOfCaller(call, 'agent');
      if (!agent.ok) return void call.emit('error', refuseCall(parts, agent.fault));
      void serveAlerts(parts.alerts, call).finally(() => call.end());
    },
  });
  listener.grpc.addService(ResponsesService, {
    journalEvidence: unary<JournalEvidenceRequest, JournalEvidenceResponse>(parts, async (call) => {
      const agent = nameOfCaller(call, 'agent');
      return agent.ok ? await parts.coordinator.journalEvidence(call.request) : agent;
    }),
    reportBreaker: unary<ReportBreakerRequest, ReportBreakerResponse>(parts, async (call) => {
      const agent = nameOfCaller(call, 'agent');
      return agent.ok ? await parts.coordinator.reportBreaker(call.request) : agent;
    }),
    tellStanding: unary<TellStandingRequest, TellStandingResponse>(parts, async (call) => {
      const agent = nameOfCaller(call, 'agent');
      return agent.ok ? await parts.coordinator.tellStanding(call.request) : agent;
    }),
  });
}

async function admit(
  { config, authority, who, timers, log }: HubParts,
  judge: TokenJudge,
  call: ServerUnaryCall<AdmitRequest, AdmitResponse>,
): Promise<Result<AdmitResponse, HubFaultCode>> {
  const member = who();
  if (member === undefined) {
    return { ok: false, fault: { code: 'METADATA_UNREADY', message: 'this cluster is no member of a federation yet' } };
  }
  const { request } = call;
  const peer = await judge.peerOf(request, call.getPeer().replace(/:\d+$/, ''));
  if (!peer.ok) return peer;
  const nowMs = timers.now();
  const lifetimeMs = config.certificateHours * hourMs;
  const issued = await authority.issue(peer.value, request.certificateRequest, { nowMs, lifetimeMs });
  if (!issued.ok) return issued;
  const { kind, name } = peer.value;
  log.info({ node: name }, kind === 'sensor' ? 'sensor admitted' : 'agent admitted');
  return ok({
    certificateChain: [...issued.value.chain],
    expiresAtMs: BigInt(issued.value.expiresAtMs),
    issuedAtMs: BigInt(nowMs),
    node: name,
    role: kind,
    ...member,
  });
}
