import { type Backoff, defaultBackoff } from '../../base/backoff.ts';
import type { TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { Address } from '../link/address.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { ModelCache } from './model-cache.ts';
import type { Outbox } from './outbox.ts';
import type { ConnectToRounds } from './round-calls.ts';

export type UplinkTimes = Readonly<{
  /** Pauses between connections. */
  reconnect: Backoff;
  /** Pauses between attempts at fetching or delivering. */
  retry: Backoff;
  silenceMsMax: number;
  callTimeoutMs: number;
  uploadTimeoutMs: number;
  /** A download that is slower than this on average is begun anew where it ended. */
  bytesPerSecondMin: number;
  /** How often deadlines and the certificate's age are looked at. */
  tickMs: number;
}>;

export const defaultUplinkTimes: UplinkTimes = {
  reconnect: { ...defaultBackoff, firstMs: 1_000 },
  retry: defaultBackoff,
  silenceMsMax: 75_000,
  callTimeoutMs: 20_000,
  uploadTimeoutMs: 30 * 60_000,
  bytesPerSecondMin: 16 * 1_024,
  tickMs: 1_000,
};

export type UplinkConfig = Readonly<{
  addresses: readonly [Address, ...Address[]];
  /** How a coordinator is reached. */
  connect: ConnectToRounds;
  tracks: readonly TrackId[];
  /** Whether this client can train such a model on that track. */
  learns(track: TrackId, spec: ModelSpec): boolean;
  clientBuild: string;
  identity: ClusterIdentity;
  modelsOf(track: TrackId): ModelCache;
  outbox: Outbox;
  times: UplinkTimes;
}>;

/** How slow a download may be. */
export function paceOf({ callTimeoutMs, bytesPerSecondMin }: UplinkTimes) {
  return { stallMs: callTimeoutMs, bytesPerSecondMin };
}
