import type { Fault, Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { WorkerFaultCode } from '../../proto/envelope/files/envelope-worker.ts';
import type { SealFaultCode } from '../../proto/envelope/files/seal-writer.ts';
import type { UpdateContext } from '../../proto/envelope/header.ts';
import type { ClassName, Digest, RoundId, TrackId } from '../../proto/ids.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { AlertNews } from '../alerts/alert-teller.ts';
import type { PrivacyFault } from '../learning/privacy-ledger.ts';
import type { TrainFaultCode } from '../learning/train-protocol.ts';
import type { CertificateReport } from '../link/certificate-keeper.ts';
import type { Recovery } from '../link/coming-back.ts';
import type { ClusterIdentity } from '../link/identity-store.ts';
import type { MapNews } from '../link/map-teller.ts';
import type { DirectiveFaultCode } from './directives.ts';
import type { Invitation } from './invitation.ts';
import type { Verdict } from './verdict.ts';

/** What local training brings back: shape [layout.length], already clipped and noised as the plan says. */
export type TrainedDelta = Readonly<{
  delta: Float32Array;
  exampleCount: number;
  /** Of a model with blocks by class: those that it speaks for, ascending. */
  classes?: readonly ClassName[];
  /** Of a region's update: the digest of the provenance of its round. */
  provenance?: Digest;
}>;

/** `sample`: the trusted sample, where the plan mixes it in. */
export type TrainingPaths = Readonly<{ base: string; sample: string | undefined }>;

/** Why a round brings no delta: this cluster does not run the track, has no privacy left, or training ended without one. */
export type LocalTrainingFaultCode = TrainFaultCode | PrivacyFault | 'TRACK_NOT_RUN';

/** Why a region brings its parent no delta (relay/): each costs it this round alone. */
export type RegionFaultCode =
  /** The parent's round starts from a model that the region's clusters were not given. */
  | 'BASE_UNKNOWN'
  /** The region has no such track, with another spec, or one whose candidates are its own. */
  | 'TRACK_NOT_UPWARD'
  /** The parent asks for what a region cannot do. */
  | 'PLAN_UNSUPPORTED'
  | 'REGION_ROUND_REFUSED'
  | 'REGION_ROUND_ABANDONED'
  | 'STOPPED';

/** What the uplink needs of the rest of the client. */
export type UplinkPorts = Readonly<{
  /** Trains from the model at `paths.base` (little-endian float32). Stops soon after `signal` aborts. */
  train(
    invitation: Invitation,
    paths: TrainingPaths,
    signal: AbortSignal,
  ): Promise<Result<TrainedDelta, LocalTrainingFaultCode | RegionFaultCode>>;
  /** Seals values to a file, off the event loop. */
  seal(request: {
    values: Float32Array;
    sealedPath: string;
    context: UpdateContext;
    roundPublicKey: Uint8Array;
  }): Promise<Result<Readonly<{ payload: Digest; payloadBytes: number }>, SealFaultCode | WorkerFaultCode>>;
  /** Makes a renewed identity durable. */
  saveIdentity(identity: ClusterIdentity): Promise<void>;
  /** Tries to get back in, when this cluster is shut out. */
  recover(identity: ClusterIdentity): Promise<Recovery>;
  report(event: UplinkReport): void;
  /** How many alerts there were; nothing is told unless given. */
  alerts?: AlertNews | undefined;
  /** What is shared of this cluster's map; nothing is told unless given. */
  maps?: MapNews | undefined;
  /** Random in [0, 1). */
  unit(): number;
  timers: Timers;
}>;

/** What happens on the uplink, for logs, metrics and tests. */
export type UplinkReport = Readonly<
  | { kind: 'connected'; address: string }
  | { kind: 'disconnected'; address: string; fault: Fault; retryInMs: number }
  | { kind: 'invited'; track: TrackId; round: RoundId; traceId: string; baseVersion: number; closesAtMs: number }
  | { kind: 'directiveRefused'; fault: Fault<DirectiveFaultCode> }
  | { kind: 'fetched'; track: TrackId; round: RoundId; digest: Digest; version: number; spec: ModelSpec }
  | { kind: 'trained'; track: TrackId; round: RoundId; traceId: string; exampleCount: number; seconds: number }
  | { kind: 'kept'; track: TrackId; round: RoundId; traceId: string; payload: Digest; payloadBytes: number }
  | { kind: 'sent'; track: TrackId; bytes: number }
  | { kind: 'receipted'; track: TrackId; round: RoundId; traceId: string; sequence: number }
  | { kind: 'refused'; track: TrackId; round: RoundId; verdict: Verdict; fault: Fault }
  | { kind: 'roundClosed'; track: TrackId; round: RoundId; outcome: number; nextRound: string }
  | CertificateReport
>;
