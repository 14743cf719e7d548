import { ok, refuse } from '../../../base/fault.ts';
import { vetSigningPublicKey } from '../../../proto/envelope/crypto/keys.ts';
import {
  type JournalEvidenceRequest,
  type JournalEvidenceResponse,
  type ReportBreakerRequest,
  type ReportBreakerResponse,
  ResponsesService,
  type TellStandingRequest,
  type TellStandingResponse,
} from '../../../proto/generated/testudo/v1/responses.ts';
import { isDigest, isTrackId } from '../../../proto/ids.ts';
import { calls } from '../../access/calls.ts';
import type { ResponseReports } from '../../registry/decide/response-reports.ts';
import type { ResponseBoard } from '../../rounds/told/response-board.ts';
import { readStanding } from '../../rounds/told/response-standing.ts';
import type { Door } from '../door.ts';
import { tolerant } from '../service.ts';

type ResponsesParts = Readonly<{
  door: Door<'releases'>;
  reports: ResponseReports;
  board: ResponseBoard;
  receiptKey: Uint8Array;
}>;

const countMax = 1_000_000;
const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** What a cluster hands on for the agent that answers in its pods. The cluster is the one in the certificate. */
export function responsesService({ door, reports, board, receiptKey }: ResponsesParts) {
  const journalEvidence = door.unary<'cluster', JournalEvidenceRequest, JournalEvidenceResponse>(
    calls.responses.journalEvidence,
    async ({ signer, record, digest }, { caller }) => {
      const isLegal = record >= 1n && record <= safeMax && isDigest(digest);
      if (!isLegal) return refuse('REPORT_INVALID', 'a record from 1 on and a digest are wanted');
      const vetted = vetSigningPublicKey(signer);
      if (!vetted.ok) return vetted;
      const head = { signer: Buffer.from(vetted.value).toString('hex'), record: Number(record), digest };
      const journaled = await reports.journalEvidence(caller.cluster, head);
      if (!journaled.ok) return journaled;
      const { receipt, signature } = journaled.value;
      const { federation, cluster, sequence, acceptedAtMs } = receipt;
      const place = { sequence: BigInt(sequence), acceptedAtMs: BigInt(acceptedAtMs) };
      return ok({ federation, cluster, ...place, signature, receiptKey: Buffer.from(receiptKey) });
    },
  );

  const reportBreaker = door.unary<'cluster', ReportBreakerRequest, ReportBreakerResponse>(
    calls.responses.reportBreaker,
    async (request, { caller }) => {
      const { track, version, open, atMs, withinMs, flaggedPodCount, podCount, workloadCount } = request;
      const isLegal =
        [version, atMs, withinMs].every((one) => one <= safeMax) &&
        [flaggedPodCount, podCount, workloadCount].every((one) => one <= countMax);
      if (!isLegal || !isTrackId(track))
        return refuse('REPORT_INVALID', 'a track, and numbers in their range, are wanted');
      const counts = { flaggedPodCount, podCount, workloadCount, withinMs: Number(withinMs) };
      const report = { version: Number(version), open, reportedAtMs: Number(atMs), ...counts };
      const sequence = await reports.reportBreaker(caller.cluster, track, report);
      return sequence.ok ? ok({ sequence: BigInt(sequence.value) }) : sequence;
    },
  );

  const tellStanding = door.unary<'cluster', TellStandingRequest, TellStandingResponse>(
    calls.responses.tellStanding,
    async (request, { caller, nowMs }) => {
      const standing = readStanding(request);
      if (!standing.ok) return standing;
      board.hear(caller.cluster, standing.value, nowMs);
      return ok({});
    },
  );

  return { definition: tolerant(ResponsesService), implementation: { journalEvidence, reportBreaker, tellStanding } };
}
