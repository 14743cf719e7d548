import type { Fault, Result } from '../../base/fault.ts';
import type { CallFaultCode } from '../../proto/call.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import type { InstallReport } from '../../proto/release/install-report.ts';
import type { ShadowReport } from '../../proto/release/shadow-report.ts';
import type { ReceivedReleases } from '../../proto/release/walk.ts';
import type { Address } from '../link/address.ts';
import type { PieceStream } from '../link/download.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';

/** Signed metadata as it comes, and the cluster's labels as the coordinator has them. Nothing of it is believed yet. */
export type ReleaseMessage = Readonly<{ received: ReceivedReleases; labels: Readonly<Record<string, string>> }>;

export type SubscribeRequest = Readonly<{
  tracks: readonly TrackId[];
  /** Of the newest root that is trusted; 0 before the first. */
  rootVersion: number;
}>;

export type ReportOptions = Readonly<{ timeoutMs: number; signal: AbortSignal }>;

/** What a release agent asks of a coordinator, whatever carries it. gRPC is one implementation (grpc/). */
export interface ReleaseCalls {
  /** Follows release metadata until the stream fails, ends or is aborted, and says why. Never throws. */
  subscribe(
    request: SubscribeRequest,
    options: Readonly<{ signal: AbortSignal; onMessage: (message: ReleaseMessage) => void }>,
  ): Promise<Fault>;
  /** A file's bytes from an offset on. Fails with a FaultError, or as its transport does. */
  fetch(request: Readonly<{ digest: Digest; offset: bigint }>): PieceStream;
  /** The report's sequence in the journal; the same report again has the same. */
  acknowledge(
    report: InstallReport,
    signature: Uint8Array,
    options: ReportOptions,
  ): Promise<Result<number, CallFaultCode>>;
  reportShadow(
    report: ShadowReport,
    signature: Uint8Array,
    options: ReportOptions,
  ): Promise<Result<number, CallFaultCode>>;
}

/** One connection to one coordinator, as a member. */
export type ReleaseConnection = ReleaseCalls & Readonly<{ close(): void }>;

export type ConnectToReleases = (address: Address, identity: ClusterIdentity) => ReleaseConnection;
