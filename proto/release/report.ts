import type { SigningKeyPair } from '../envelope/keys.ts';
import type { Result } from '../fault.ts';
import type { ClusterId, Digest, FederationId, TrackId } from '../ids.ts';

export type InstallOutcomeName = 'installed' | 'shadowing' | 'refused' | 'kept';

/** What a cluster's agent did with a release; AcknowledgeRequest and who sends it. */
export type InstallReport = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  track: TrackId;
  version: number;
  manifestDigest: Digest;
  outcome: InstallOutcomeName;
  /** A-Z, 0-9 and "_", at most 64; empty unless refused. */
  faultCode: string;
  pinsVersion: number;
  atMs: number;
}>;

export type ClassRecallReport = Readonly<{
  attackClass: string;
  caseCount: number;
  shadowFoundCount: number;
  liveFoundCount: number;
}>;

/** What a canary saw; ReportShadowRequest and who sends it. Counts since the shadow run began. */
export type ShadowReport = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  track: TrackId;
  version: number;
  liveVersion: number;
  durationMs: number;
  scoredCount: number;
  agreedCount: number;
  shadowAlertCount: number;
  liveAlertCount: number;
  /** Sorted by class. */
  recalls: readonly ClassRecallReport[];
  falsePositiveCaseCount: number;
  shadowFalsePositiveCount: number;
  liveFalsePositiveCount: number;
  shadowLatencyUs: number;
  liveLatencyUs: number;
  atMs: number;
}>;

type ReportFault = 'REPORT_INVALID' | 'SIGNATURE_INVALID' | 'KEY_INVALID';

/** A legal report, frozen and with nothing else in it. Safe on any decoded value. */
export declare function checkInstallReport(candidate: unknown): Result<InstallReport, 'REPORT_INVALID'>;
export declare function checkShadowReport(candidate: unknown): Result<ShadowReport, 'REPORT_INVALID'>;
export declare function signInstallReport(report: InstallReport, key: SigningKeyPair): Buffer;
export declare function signShadowReport(report: ShadowReport, key: SigningKeyPair): Buffer;
export declare function verifyInstallReport(
  report: InstallReport,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<InstallReport, ReportFault>;
export declare function verifyShadowReport(
  report: ShadowReport,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<ShadowReport, ReportFault>;
