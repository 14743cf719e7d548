import {
  type AcknowledgeRequest,
  InstallOutcome,
  type ReportShadowRequest,
} from '../../../proto/generated/testudo/v1/releases.ts';
import type { InstallReport } from '../../../proto/release/install-report.ts';
import type { ShadowReport } from '../../../proto/release/shadow-report.ts';

const outcomes = {
  installed: InstallOutcome.INSTALL_OUTCOME_INSTALLED,
  shadowing: InstallOutcome.INSTALL_OUTCOME_SHADOWING,
  refused: InstallOutcome.INSTALL_OUTCOME_REFUSED,
  kept: InstallOutcome.INSTALL_OUTCOME_KEPT,
} as const satisfies Record<InstallReport['outcome'], InstallOutcome>;

/** Federation and cluster do not travel: the connection says them, and the signature holds them. */
export function acknowledgeRequest(report: InstallReport, signature: Uint8Array): AcknowledgeRequest {
  const { track, version, manifestDigest, outcome, faultCode, pinsVersion, atMs } = report;
  return {
    track,
    version: BigInt(version),
    manifestDigest,
    outcome: outcomes[outcome],
    faultCode,
    pinsVersion,
    atMs: BigInt(atMs),
    signature: Buffer.from(signature),
  };
}

export function shadowRequest(report: ShadowReport, signature: Uint8Array): ReportShadowRequest {
  const { federation: _, cluster: __, ...said } = report;
  return {
    ...said,
    version: BigInt(report.version),
    liveVersion: BigInt(report.liveVersion),
    durationMs: BigInt(report.durationMs),
    scoredCount: BigInt(report.scoredCount),
    agreedCount: BigInt(report.agreedCount),
    shadowAlertCount: BigInt(report.shadowAlertCount),
    liveAlertCount: BigInt(report.liveAlertCount),
    recalls: report.recalls.map((recall) => ({ ...recall })),
    shadowLatencyUs: BigInt(report.shadowLatencyUs),
    liveLatencyUs: BigInt(report.liveLatencyUs),
    atMs: BigInt(report.atMs),
    signature: Buffer.from(signature),
  };
}
