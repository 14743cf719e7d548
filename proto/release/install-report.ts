import { z } from 'zod';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { canonicalTuple } from '../envelope/crypto/canonical-tuple.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { signBytes, verifyBytes } from '../envelope/crypto/signature.ts';
import {
  type ClusterId,
  type Digest,
  type FederationId,
  isClusterId,
  isDigest,
  isFederationId,
  isTrackId,
  type TrackId,
} from '../ids.ts';
import { firstIssue } from './documents/document.ts';
import { isReleaseVersion, metadataVersionMax } from './documents/names.ts';

/** What became of a release: see InstallOutcome in releases.proto. */
export const installOutcomes = ['installed', 'shadowing', 'refused', 'kept'] as const;

/** What a cluster's agent did with a release: AcknowledgeRequest, and who says it. */
export type InstallReport = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  track: TrackId;
  version: number;
  manifestDigest: Digest;
  outcome: (typeof installOutcomes)[number];
  /** 1 to 64 of A-Z, 0-9 and "_" when refused, else empty. */
  faultCode: string;
  /** 0 where the federation has no pins. */
  pinsVersion: number;
  /** Milliseconds since the epoch, by the agent's clock. */
  atMs: number;
}>;

const installReportDomainTag = 'testudo/v1/install-report';

const shape = z
  .object({
    federation: z.custom<FederationId>(isFederationId, 'a federation id'),
    cluster: z.custom<ClusterId>(isClusterId, 'a cluster id'),
    track: z.custom<TrackId>(isTrackId, 'a track id'),
    version: z.custom<number>(isReleaseVersion, 'a version, 0 to 2^53 - 1'),
    manifestDigest: z.custom<Digest>(isDigest, 'a digest'),
    outcome: z.enum(installOutcomes),
    faultCode: z.string().regex(/^[A-Z0-9_]{0,64}$/, 'at most 64 of A-Z, 0-9 and "_"'),
    pinsVersion: z.int().min(0).max(metadataVersionMax),
    atMs: z.int().min(0),
  })
  .refine(({ outcome, faultCode }) => (outcome === 'refused') === (faultCode !== ''), {
    path: ['faultCode'],
    message: 'a code when refused, and only then',
  });

/** A legal report, frozen and with nothing else in it, or the first thing wrong. Safe on any decoded value. */
export function checkInstallReport(candidate: unknown): Result<InstallReport, 'REPORT_INVALID'> {
  const parsed = shape.safeParse(candidate);
  if (parsed.success) return ok(Object.freeze(parsed.data));
  return refuse('REPORT_INVALID', `install report: ${firstIssue(parsed.error)}`);
}

/** The bytes that the cluster signs. Needs a legal report. */
export function installReportBytes(report: InstallReport): Buffer {
  const { federation, cluster, track, version, manifestDigest, outcome, faultCode, pinsVersion, atMs } = report;
  const fields = [federation, cluster, track, version, manifestDigest, outcome, faultCode, pinsVersion, atMs];
  return canonicalTuple(installReportDomainTag, fields);
}

/** The cluster's Ed25519 signature (64 bytes) over SHA-512 of the report's canonical bytes. */
export function signInstallReport(report: InstallReport, key: SigningKeyPair): Buffer {
  return signBytes(installReportBytes(report), key);
}

/** The report itself, where `signature` is the public key's over every field of it. Needs a checked report. */
export function verifyInstallReport(
  report: InstallReport,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<InstallReport, 'SIGNATURE_INVALID' | 'KEY_INVALID'> {
  const fault = verifyBytes(installReportBytes(report), signature, publicKey);
  return fault === undefined ? ok(report) : { ok: false, fault };
}
