import { type Fault, refuse } from '../../../base/fault.ts';
import { hearStream } from '../../../proto/call.ts';
import {
  AlertsClient,
  type HeardAlert,
  type WatchAlertsResponse,
} from '../../../proto/generated/testudo/v1/responses.ts';
import type { Address } from '../../link/address.ts';
import { hubChannelOptions, securedBy } from '../../link/hub-admission.ts';
import type { ClusterIdentity } from '../../link/identity-store.ts';
import { isAlertId } from '../../scoring/alert.ts';
import type { Sighting } from '../ladder/sighting.ts';

/** Where an agent goes on: the last number that it heard of this run of the hub. */
export type AlertPlace = Readonly<{ run: string; after: bigint }>;

export type AlertConnection = Readonly<{
  /** Follows alerts until the stream fails, ends or is aborted, and says why. Never throws. */
  watch(
    place: AlertPlace,
    options: Readonly<{ signal: AbortSignal; onMessage: (message: WatchAlertsResponse) => void }>,
  ): Promise<Fault>;
  close(): void;
}>;

/** The hub's alerts over mutual TLS. */
export function connectToAlerts(address: Address, identity: ClusterIdentity): AlertConnection {
  const client = new AlertsClient(address.text, securedBy(identity), hubChannelOptions);
  return {
    watch: (place, listener) =>
      hearStream(() => client.watchAlerts(place), listener, refuse('ALERTS_ENDED', 'the hub ended the stream').fault),
    close: () => client.close(),
  };
}

const namesMax = 1_024;

/** What the ladder makes of it; undefined for what is no alert: the hub is believed as the alert file is. */
export function sightingIn(heard: HeardAlert): Sighting | undefined {
  const { id, atMs, track, modelVersion, score, threshold, namespace, workload, pod, text } = heard;
  const isNamed = [track, namespace, workload, pod].every((name) => name.length <= namesMax);
  if (!isAlertId(id) || !isNamed || Number.isNaN(score) || Number.isNaN(threshold)) return undefined;
  const version = Number(modelVersion);
  return { id, atMs: Number(atMs), track, modelVersion: version, namespace, workload, pod, score, threshold, text };
}
