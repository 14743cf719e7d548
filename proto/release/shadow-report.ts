import { z } from 'zod';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { canonicalTuple, type TupleField } from '../envelope/crypto/canonical-tuple.ts';
import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { signBytes, verifyBytes } from '../envelope/crypto/signature.ts';
import { type ClusterId, type FederationId, isClusterId, isFederationId, isTrackId, type TrackId } from '../ids.ts';
import { firstIssue } from './documents/document.ts';
import { isReleaseVersion } from './documents/names.ts';

/** How many of an attack class's cases each version finds. */
export type ClassRecall = Readonly<{
  attackClass: string;
  caseCount: number;
  shadowFoundCount: number;
  liveFoundCount: number;
}>;

/** What a canary saw: ReportShadowRequest, and who says it. Counts are since the shadow run began. */
export type ShadowReport = Readonly<{
  federation: FederationId;
  cluster: ClusterId;
  track: TrackId;
  /** In shadow. */
  version: number;
  liveVersion: number;
  durationMs: number;
  scoredCount: number;
  agreedCount: number;
  shadowAlertCount: number;
  liveAlertCount: number;
  /** Ascending by class, each once, at most 64. */
  recalls: readonly ClassRecall[];
  falsePositiveCaseCount: number;
  shadowFalsePositiveCount: number;
  liveFalsePositiveCount: number;
  shadowLatencyUs: number;
  liveLatencyUs: number;
  /** Milliseconds since the epoch, by the agent's clock. */
  atMs: number;
}>;

const shadowReportDomainTag = 'testudo/v1/shadow-report';

const count = z.int().min(0);
const count32 = count.max(0xffff_ffff);
const version = z.custom<number>(isReleaseVersion, 'a version, 0 to 2^53 - 1');

const recall = z
  .object({
    attackClass: z.string().regex(/^[a-z0-9_-]{1,63}$/, '1 to 63 of a-z, 0-9, "-" and "_"'),
    caseCount: count32,
    shadowFoundCount: count32,
    liveFoundCount: count32,
  })
  .refine(
    (found) => Math.max(found.shadowFoundCount, found.liveFoundCount) <= found.caseCount,
    'found no more than cases',
  );

const shape = z
  .object({
    federation: z.custom<FederationId>(isFederationId, 'a federation id'),
    cluster: z.custom<ClusterId>(isClusterId, 'a cluster id'),
    track: z.custom<TrackId>(isTrackId, 'a track id'),
    version,
    liveVersion: version,
    durationMs: count,
    scoredCount: count,
    agreedCount: count,
    shadowAlertCount: count,
    liveAlertCount: count,
    recalls: z
      .array(recall)
      .max(64)
      .refine(
        (all) => all.every(({ attackClass }, at) => attackClass > (all[at - 1]?.attackClass ?? '')),
        'ascending by class, each once',
      ),
    falsePositiveCaseCount: count32,
    shadowFalsePositiveCount: count32,
    liveFalsePositiveCount: count32,
    shadowLatencyUs: count,
    liveLatencyUs: count,
    atMs: count,
  })
  // A gate divides by these: a count above its whole would be an agreement of 120 %.
  .refine(
    (report) => Math.max(report.agreedCount, report.shadowAlertCount, report.liveAlertCount) <= report.scoredCount,
    {
      path: ['scoredCount'],
      message: 'at least as many as agreed and as alarms of either version',
    },
  )
  .refine(
    (report) =>
      Math.max(report.shadowFalsePositiveCount, report.liveFalsePositiveCount) <= report.falsePositiveCaseCount,
    { path: ['falsePositiveCaseCount'], message: 'at least as many as either version alarms on' },
  );

/** A legal report, frozen and with nothing else in it, or the first thing wrong. Safe on any decoded value. */
export function checkShadowReport(candidate: unknown): Result<ShadowReport, 'REPORT_INVALID'> {
  const parsed = shape.safeParse(candidate);
  if (parsed.success) return ok(Object.freeze(parsed.data));
  return refuse('REPORT_INVALID', `shadow report: ${firstIssue(parsed.error)}`);
}

/** The bytes that the cluster signs: the fields in ShadowReport's order, recalls as their number and then theirs. */
export function shadowReportBytes(report: ShadowReport): Buffer {
  const recalls = report.recalls.flatMap((each): TupleField[] => [
    each.attackClass,
    each.caseCount,
    each.shadowFoundCount,
    each.liveFoundCount,
  ]);
  return canonicalTuple(shadowReportDomainTag, [
    report.federation,
    report.cluster,
    report.track,
    report.version,
    report.liveVersion,
    report.durationMs,
    report.scoredCount,
    report.agreedCount,
    report.shadowAlertCount,
    report.liveAlertCount,
    report.recalls.length,
    ...recalls,
    report.falsePositiveCaseCount,
    report.shadowFalsePositiveCount,
    report.liveFalsePositiveCount,
    report.shadowLatencyUs,
    report.liveLatencyUs,
    report.atMs,
  ]);
}

/** The cluster's Ed25519 signature (64 bytes) over SHA-512 of the report's canonical bytes. */
export function signShadowReport(report: ShadowReport, key: SigningKeyPair): Buffer {
  return signBytes(shadowReportBytes(report), key);
}

/** The report itself, where `signature` is the public key's over every field of it. Needs a checked report. */
export function verifyShadowReport(
  report: ShadowReport,
  signature: Uint8Array,
  publicKey: Uint8Array,
): Result<ShadowReport, 'SIGNATURE_INVALID' | 'KEY_INVALID'> {
  const fault = verifyBytes(shadowReportBytes(report), signature, publicKey);
  return fault === undefined ? ok(report) : { ok: false, fault };
}
