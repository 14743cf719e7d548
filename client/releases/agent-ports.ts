import type { Backoff } from '../../base/backoff.ts';
import type { Fault } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { ClusterId, FederationId, TrackId } from '../../proto/ids.ts';
import type { InstallReport } from '../../proto/release/install-report.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import type { Address } from '../link/address.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { Because } from './agent-store.ts';
import type { ModelHost } from './hosts/model-host.ts';
import type { ConnectToReleases } from './release-calls.ts';

export type AgentTimes = Readonly<{
  /** Pauses between connections. */
  reconnect: Backoff;
  /** Pauses between attempts at a release that could not be fetched or loaded, and at reports. */
  retry: Backoff;
  /** Pause before a coordinator without a Releases service is asked again, jittered. */
  unservedMs: number;
  callTimeoutMs: number;
  /** How long the metadata in force may take to come, and how long the stream may then be silent. */
  firstMsMax: number;
  silenceMsMax: number;
  stallMs: number;
  bytesPerSecondMin: number;
  shadowReportMs: number;
}>;

export const defaultAgentTimes: AgentTimes = {
  reconnect: { firstMs: 1_000, maxMs: 60_000 },
  retry: { firstMs: 1_000, maxMs: 300_000 },
  unservedMs: 300_000,
  callTimeoutMs: 20_000,
  firstMsMax: 20_000,
  silenceMsMax: 3 * 3_600_000,
  stallMs: 20_000,
  bytesPerSecondMin: 16 * 1_024,
  shadowReportMs: 60_000,
};

export type AgentConfig = Readonly<{
  /** The agent's alone. */
  folder: string;
  addresses: readonly [Address, ...Address[]];
  connect: ConnectToReleases;
  hosts: ReadonlyMap<TrackId, ModelHost>;
  /** Releases whose files stay for a rollback without a download, beside the live one. */
  keepReleases: number;
  /** Root metadata that came by hand; without it the first root that the coordinator presents is trusted. */
  trustAnchor: Uint8Array | undefined;
  /** Instead of what the coordinator says: labels then cannot be told wrongly to dodge a pin. */
  labels: Readonly<Record<string, string>> | undefined;
  times: AgentTimes;
  /** Fetches of a release what its light form needs, and no other file; every file unless given. */
  lightAlone?: boolean;
}>;

export type AgentPorts = Readonly<{
  report(event: AgentEvent): void;
  /** Random in [0, 1). */
  unit(): number;
  timers: Timers;
}>;

/** Who the agent speaks for; asked anew whenever it matters, since certificates are renewed. */
export type IdentityOf = () => ClusterIdentity;
export type Who = Readonly<{ federation: FederationId; cluster: ClusterId }>;

/** What happens in the agent, for logs, metrics and tests. */
export type AgentEvent = Readonly<
  | { kind: 'subscribed'; address: string }
  | { kind: 'unsubscribed'; address: string; fault: Fault; retryInMs: number }
  /** The coordinator has no Releases service. `trusted`: it had one before. */
  | { kind: 'unserved'; trusted: boolean }
  | { kind: 'anchored'; rootVersion: number; by: 'file' | 'connection' }
  /** A set passed for the first time. */
  | { kind: 'checked'; expiresAtMs: number; pinsVersion: number }
  | { kind: 'fetched'; track: TrackId; version: number; milliseconds: number }
  | { kind: 'loaded'; track: TrackId; version: number; milliseconds: number }
  /** Trust and live versions are on disk. */
  | { kind: 'persisted' }
  /** What the last run stored had gone or did not read back; its copy goes on. */
  | { kind: 'stoodIn'; setAside: readonly string[] }
  | { kind: 'restored'; track: TrackId; version: number }
  | { kind: 'installed'; track: TrackId; version: number; before: number | null; because: Because }
  | { kind: 'shadowing'; track: TrackId; version: number; live: number }
  | { kind: 'shadowEnded'; track: TrackId; version: number }
  /** A set, a file or a model that was refused; without a track it concerns all of them. */
  | { kind: 'refused'; track: TrackId | undefined; version: number | undefined; fault: Fault }
  | { kind: 'overruled'; track: TrackId; pinId: string; why: string }
  | { kind: 'acknowledged'; report: InstallReport; sequence: number }
  | { kind: 'shadowReported'; report: ShadowReport; sequence: number }
  | { kind: 'reportRefused'; fault: Fault }
>;
