import { fullJitterMs } from '../../../base/backoff.ts';
import { type Fault, refuse } from '../../../base/fault.ts';
import { pause } from '../../../base/pause.ts';
import type { Timers } from '../../../base/time.ts';
import { ResponsesClient, type RunningModel } from '../../../proto/generated/testudo/v1/responses.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import type { ReceivedReleases } from '../../../proto/release/walk.ts';
import { HubAdmission, hubChannelOptions, securedBy } from '../../link/hub-admission.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import { type ResponseCalls, responseCallsOf } from '../../link/response-calls.ts';
import { connectToHub } from '../../releases/grpc/connect-to-hub.ts';
import type { Running } from '../ladder/breaker.ts';
import type { Sighting } from '../ladder/sighting.ts';
import { type AlertPlace, connectToAlerts, sightingIn } from './alert-calls.ts';
import type { HubSettings } from './hub-settings.ts';

export type HubFollowerPorts = Readonly<{
  timers: Timers;
  /** In [0, 1). */
  unit(): number;
  /** Of the newest root that is trusted; 0 before the first. */
  rootVersion(): number;
  onAlerts(sightings: readonly Sighting[]): void;
  /** Where it rejects, the set is asked for again. */
  onSet(received: ReceivedReleases): Promise<void>;
  /** The hub was reached (null) or is away, and why. */
  onState(away: Fault | null): void;
}>;

const firstPlace: AlertPlace = { run: '', after: 0n };
const firstMs = 500;

/** More versions than any agent hears of within a day of alerts. */
const manifestsMax = 256;

/**
 * Follows the cluster's hub: its alerts, each heard once, and the signed set. While the hub is away what was heard stands; a
 * hub that comes back is asked from the last number on, one that began anew for all that it remembers.
 */
export class HubFollower {
  readonly #settings: HubSettings;
  readonly #cluster: ClusterId;
  readonly #admission: HubAdmission;
  readonly #ports: HubFollowerPorts;
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;
  #place = firstPlace;
  #running: readonly Running[] = [];
  /** Digests of manifests, by track and version: an alert may be of a version that runs no more. */
  readonly #manifests = new Map<string, string>();
  #responses: ResponseCalls | undefined;
  #away: Fault | null = refuse('HUB_AWAY', 'the hub was not reached yet').fault;

  constructor(settings: HubSettings, who: Readonly<{ name: string; cluster: ClusterId }>, ports: HubFollowerPorts) {
    this.#settings = settings;
    this.#cluster = who.cluster;
    this.#admission = new HubAdmission({ ...settings, name: who.name }, ports.timers);
    this.#ports = ports;
    this.#following = this.#follow();
  }

  /** Why nothing is heard just now; null while the hub tells. */
  get away(): Fault | null {
    return this.#away;
  }

  /** What each track runs, as the hub said last. A hub that does not say since when says nothing. */
  get running(): readonly Running[] {
    return this.#running;
  }

  /** The digest of the manifest of a version that ran while the hub was heard; null where it did not say. */
  manifestOf(track: string, version: number): string | null {
    return this.#manifests.get(`${track}@${version}`) ?? null;
  }

  /** The hub's ear for what the coordinator should know; undefined while it is away. */
  get responses(): ResponseCalls | undefined {
    return this.#away === null ? this.#responses : undefined;
  }

  /** May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { timers, unit } = this.#ports;
    const { signal } = this.#stopping;
    const backoff = { firstMs, maxMs: this.#settings.reconnectSecondsMax * 1_000 };
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const fault = await this.#once();
      if (signal.aborted) return;
      if (this.#away === null) attempt = 0;
      this.#is(fault);
      await pause(timers, fullJitterMs(backoff, attempt, unit()), signal);
    }
  }

  /** One connection, until it ends. */
  async #once(): Promise<Fault> {
    const admitted = await this.#admission.admitted(this.#stopping.signal);
    if (!admitted.ok) return admitted.fault;
    const { cluster } = admitted.value;
    if (cluster !== this.#cluster) {
      const message = `the hub is of cluster ${cluster}, and quarantine.cluster says ${this.#cluster}`;
      return refuse('CLUSTER_MISMATCH', message).fault;
    }
    const ending = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, ending.signal]);
    const responses = new ResponsesClient(this.#settings.address.text, securedBy(admitted.value), hubChannelOptions);
    this.#responses = responseCallsOf(responses);
    const streams = [this.#alerts(admitted.value, signal), this.#set(admitted.value, signal)];
    const fault = await Promise.race(streams);
    ending.abort(); // One is of no use without the other: both begin anew.
    await Promise.all(streams);
    this.#responses = undefined;
    responses.close();
    if (fault.code === 'CERTIFICATE_MISSING' || fault.code === 'GRPC_UNAUTHENTICATED') this.#admission.distrusted();
    return fault;
  }

  async #alerts(identity: ClusterIdentity, signal: AbortSignal): Promise<Fault> {
    const connection = connectToAlerts(this.#settings.address, identity);
    try {
      return await connection.watch(this.#place, {
        signal,
        onMessage: ({ run, alerts, models }) => {
          this.#is(null);
          if (models.length > 0) this.#running = models.flatMap(runningIn);
          this.#keepManifests(models);
          const sightings = alerts.flatMap((heard) => sightingIn(heard) ?? []);
          if (sightings.length > 0) this.#ports.onAlerts(sightings);
          this.#place = { run, after: alerts.at(-1)?.sequence ?? (run === this.#place.run ? this.#place.after : 0n) };
        },
      });
    } finally {
      connection.close();
    }
  }

  #keepManifests(models: readonly RunningModel[]): void {
    for (const { track, version, manifest } of models) {
      if (manifest !== '') this.#manifests.set(`${track}@${version}`, manifest.slice(0, 200));
    }
    for (const key of this.#manifests.keys()) {
      if (this.#manifests.size <= manifestsMax) break;
      this.#manifests.delete(key);
    }
  }

  async #set(identity: ClusterIdentity, signal: AbortSignal): Promise<Fault> {
    const connection = connectToHub(this.#settings.address, identity);
    try {
      const unkept = Promise.withResolvers<Fault>();
      const onMessage = ({ received }: Readonly<{ received: ReceivedReleases }>) =>
        void this.#ports.onSet(received).catch((error: Error) => {
          unkept.resolve(refuse('POLICY_UNKEPT', `the signed set could not be kept: ${error.message}`).fault);
        });
      const rootVersion = this.#ports.rootVersion();
      return await Promise.race([
        connection.subscribe({ tracks: [], rootVersion }, { signal, onMessage }),
        unkept.promise,
      ]);
    } finally {
      connection.close();
    }
  }

  #is(away: Fault | null): void {
    const changed = (away?.code ?? null) !== (this.#away?.code ?? null);
    this.#away = away;
    if (changed) this.#ports.onState(away);
  }
}

function runningIn({ track, version, sinceMs }: RunningModel): readonly Running[] {
  return sinceMs === 0n ? [] : [{ track, version: Number(version), sinceMs: Number(sinceMs) }];
}
