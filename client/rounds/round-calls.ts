import type { Fault, Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { CallFaultCode } from '../../proto/call.ts';
import type {
  SubmitUpdateRequest,
  SubmitUpdateResponse,
  UploadStatusRequest,
  UploadStatusResponse,
  WatchResponse,
} from '../../proto/generated/testudo/v1/federation.ts';
import type { Digest, TrackId } from '../../proto/ids.ts';
import type { AlertsTold } from '../alerts/alert-teller.ts';
import type { Address } from '../link/address.ts';
import type { PieceStream } from '../link/download.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { ResponseCalls } from '../link/response-calls.ts';
import type { SharedMap } from '../tracks/shared-map.ts';

/** Headers that carry a trace to the coordinator: `traceparent` of W3C Trace Context 1. */
export type Carrier = Readonly<Record<string, string>>;

export type WatchOptions = Readonly<{
  tracks: readonly TrackId[];
  clientBuild: string;
  /** Heartbeats come at least every 30 s: a stream that is silent for longer than this is dead, whatever TCP believes. */
  silenceMsMax: number;
  signal: AbortSignal;
  timers: Timers;
  onDirective: (directive: NonNullable<WatchResponse['directive']>) => void;
}>;

export type CallOptions = Readonly<{ carrier: Carrier; timeoutMs: number; signal: AbortSignal }>;

/** What a participant asks of a coordinator, whatever carries it. gRPC is one implementation (grpc/). */
export interface RoundCalls {
  /** Follows the coordinator's directives until the stream fails, ends or falls silent, and says why. Never throws. */
  watch(options: WatchOptions): Promise<Fault>;
  /** A model's bytes from an offset on. Fails with a FaultError, or as its transport does. */
  fetch(request: Readonly<{ digest: Digest; offset: bigint }>, carrier: Carrier): PieceStream;
  /** How much of an update the coordinator holds, with the receipt where it holds all of it. */
  status(request: UploadStatusRequest, options: CallOptions): Promise<Result<UploadStatusResponse, CallFaultCode>>;
  /**
   * Sends the parts of an update, asking for the next when the last is on its way. The answer may come before the last
   * part: then no more are asked for. What `parts` throws is thrown, and nothing was submitted.
   */
  submit(
    parts: AsyncIterable<NonNullable<SubmitUpdateRequest['part']>>,
    options: CallOptions,
  ): Promise<Result<SubmitUpdateResponse, CallFaultCode>>;
}

/** One connection to one coordinator, as a member. */
export type RoundConnection = RoundCalls &
  Readonly<{
    /** The same identity with a fresh TLS key and certificate. */
    renew(
      identity: ClusterIdentity,
      limits: Readonly<{ timeoutMs: number; timers: Timers }>,
    ): Promise<Result<ClusterIdentity, CallFaultCode | 'CERTIFICATE_UNUSABLE'>>;
    /** How many alerts there were, and how this cluster's sensors are. Absent where nothing hears it. */
    tellAlerts?(told: AlertsTold, options: CallOptions): Promise<Result<unknown, CallFaultCode>>;
    /** What this cluster shares of its map. Absent where nothing hears it. */
    tellMap?(told: SharedMap, options: CallOptions): Promise<Result<unknown, CallFaultCode>>;
    /** What this cluster's response agent has to tell. Absent where nothing hears it. */
    responses?: ResponseCalls;
    close(): void;
  }>;

export type ConnectToRounds = (address: Address, identity: ClusterIdentity) => RoundConnection;
