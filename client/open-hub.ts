import { join } from 'node:path';
import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import { faultFields, type Log } from '../base/log.ts';
import type { Timers } from '../base/time.ts';
import type { ClusterId, Digest, FederationId, TrackId } from '../proto/ids.ts';
import type { ClientConfig } from './config.ts';
import type { ObservedFlow } from './events/flow-record.ts';
import { sharedTokenProblems } from './hub/admit.ts';
import { AlertBook } from './hub/alert-book.ts';
import { type AuthorityFaultCode, openHubAuthority } from './hub/authority.ts';
import { Hub, type HubParts } from './hub/hub.ts';
import { ReleasesRelay } from './hub/releases/releases-relay.ts';
import { checkedResponses } from './hub/response-relay.ts';
import type { SensorBook } from './hub/sensor-book.ts';
import { sensorCounts, toldCounts } from './hub/sensor-counts.ts';
import type { PodWatch } from './kube/pod-watch.ts';
import type { LocalTrack } from './learning/local-track.ts';
import type { ResponseCalls } from './link/response-calls.ts';
import type { LiveTracks } from './live-tracks.ts';
import type { ClientMetrics } from './observability/metrics.ts';
import type { ReleaseFiles } from './releases/release-files.ts';

export type OpenHubParts = Readonly<{
  config: ClientConfig;
  dataKey: Uint8Array;
  tracks: ReadonlyMap<TrackId, LocalTrack>;
  live: LiveTracks;
  relay: ReleasesRelay;
  /** The client's own agent's. */
  files: ReleaseFiles;
  /** The release that a track runs; undefined where it runs none. */
  versionOf(track: TrackId): number | undefined;
  /** The digest of that release's manifest. */
  manifestOf(track: TrackId): Digest | undefined;
  who(): Readonly<{ federation: FederationId; cluster: ClusterId; receiptKey: Uint8Array }> | undefined;
  /** The coordinator's ear for the response agent; undefined while nobody is connected. */
  responses(): ResponseCalls | undefined;
  onFlows(flows: readonly ObservedFlow[]): void;
  /** Which pod is where, where the API server is asked. */
  pods: PodWatch | undefined;
  metrics: ClientMetrics;
  log: Log;
  timers: Timers;
}>;

/** What a sensor may look at under its budget. */
const steps = ['full', 'sampled', 'dangerous'] as const;

/** What a configured hub relays of releases; undefined where none is configured. */
export async function openRelay(
  { hub, agent, dataDirectory }: ClientConfig,
  log: Log,
  { now }: Timers,
): Promise<ReleasesRelay | undefined> {
  if (hub === null) return undefined;
  const report = (fault: Fault) => log.warn(faultFields(fault), 'release metadata is not relayed to sensors');
  return await ReleasesRelay.open(dataDirectory, { now, report, labels: agent.labels });
}

/** The configured hub, serving; undefined where none is configured. */
export async function openHub(parts: OpenHubParts): Promise<Result<Hub | undefined, AuthorityFaultCode>> {
  const { config, dataKey, metrics, log, timers } = parts;
  if (config.hub === null) return ok(undefined);
  const { dataDirectory, hub } = config;
  const authority = await openHubAuthority(dataDirectory, hub.authority, dataKey, timers.now());
  if (!authority.ok) return authority;
  const alerts = new AlertBook();
  parts.live.onAlert = (alert) => alerts.add(alert);
  await alerts.load(config.scoring.alertFile ?? join(dataDirectory, 'alerts.jsonl'), timers.now());
  const openedMs = timers.monotonicMs();
  const opened = await Hub.start({
    config: hub,
    authority: authority.value,
    relay: parts.relay,
    alerts,
    coordinator: checkedResponses(parts),
    files: parts.files,
    tracks: [...parts.tracks.keys()],
    who: () => {
      const member = parts.who();
      return member && { federation: member.federation, cluster: member.cluster };
    },
    delivery: deliveryPorts(parts),
    onDelivered: () => metrics.hubBatches.inc(),
    onBeat: (book) => {
      countSteps(book, metrics);
      parts.live.sensors = toldCounts(sensorCounts(book.all(), parts.versionOf), timers.monotonicMs() - openedMs);
      alerts.runs(modelsOf(parts), timers.now());
    },
    onRefused: (code) => metrics.hubRefusals.inc({ code }),
    onItemRefused: (what, code) => metrics.hubItemsRefused.inc({ what, code }),
    log,
    timers,
  });
  log.info({ ...opened.ports }, 'hub serves sensors');
  // Read anew at each admission, so that they may still come.
  for (const problem of await sharedTokenProblems(hub.admission)) log.warn({ problem }, 'nobody can be admitted');
  return ok(opened);
}

function modelsOf({ tracks, versionOf, manifestOf }: Pick<OpenHubParts, 'tracks' | 'versionOf' | 'manifestOf'>) {
  return [...tracks.keys()].flatMap((track) => {
    const version = versionOf(track);
    return version === undefined ? [] : [{ track, version: BigInt(version), manifest: manifestOf(track) ?? '' }];
  });
}

/** Labels come from a closed set: a sensor's own words are none. */
function countSteps(book: SensorBook, metrics: ClientMetrics): void {
  const counts = new Map<string, number>(steps.map((step) => [step, 0]));
  for (const { status } of book.all()) {
    const step = steps.find((one) => one === status?.step) ?? 'full';
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  for (const [step, count] of counts) metrics.hubSensors.set({ step }, count);
}

function deliveryPorts(parts: OpenHubParts): HubParts['delivery'] {
  const { config, tracks, live, onFlows, timers, pods } = parts;
  // By a shared token a sensor is of whatever node it says, by whatever name: nothing can be held against that.
  const proved = config.hub?.admission.kind === 'tokenReview' ? pods : undefined;
  return {
    decode(id, example) {
      const track = tracks.get(id);
      if (track === undefined) return refuse('TRACK_NOT_FOUND', `this cluster does not run the track ${id}`);
      const decoded = track.kind.examples.decode(example);
      return decoded.ok ? decoded : refuse('REQUEST_INVALID', decoded.fault.message);
    },
    raise: (id, alert, example) => live.accept(id, alert, example),
    learn(id, examples) {
      const added = tracks.get(id)?.buffer.addCounted(examples, timers.now()) ?? ok(undefined);
      return added.ok ? ok(undefined) : refuse('DISK_FULL', added.fault.message);
    },
    flows: onFlows,
    nodeOf: (namespace, pod, atMs) => proved?.nodeOf(namespace, pod, atMs),
    wantsExamples: () => config.training.enabled,
    wantsFlows: () => [...tracks.values()].some(({ kind }) => kind.watches === 'flows'),
  };
}
