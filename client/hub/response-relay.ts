import { type Result, refuse } from '../../base/fault.ts';
import type { CallFaultCode } from '../../proto/call.ts';
import { checkEvidenceReceipt, verifyEvidenceReceipt } from '../../proto/envelope/evidence-receipt.ts';
import type {
  JournalEvidenceRequest,
  JournalEvidenceResponse,
  ReportBreakerRequest,
  ReportBreakerResponse,
  TellStandingRequest,
  TellStandingResponse,
} from '../../proto/generated/testudo/v1/responses.ts';
import type { ClusterId, FederationId } from '../../proto/ids.ts';
import type { ResponseCalls } from '../link/response-calls.ts';
import type { HubFaultCode } from './refusal.ts';

export type ResponseRelay = Readonly<{
  journalEvidence(request: JournalEvidenceRequest): Promise<Result<JournalEvidenceResponse, HubFaultCode>>;
  reportBreaker(request: ReportBreakerRequest): Promise<Result<ReportBreakerResponse, HubFaultCode>>;
  tellStanding(request: TellStandingRequest): Promise<Result<TellStandingResponse, HubFaultCode>>;
}>;

type RelayParts = Readonly<{
  who(): Readonly<{ federation: FederationId; cluster: ClusterId; receiptKey: Uint8Array }> | undefined;
  responses(): ResponseCalls | undefined;
}>;

/** What the agent is told as it is: it can do something about it. Everything else is the coordinator's absence. */
const handedOn = new Set<string>([
  'REPORT_INVALID',
  'KEY_INVALID',
  'EVIDENCE_CONFLICT',
  'RATE_LIMITED',
  'TRACK_NOT_FOUND',
  'VERSION_NOT_FOUND',
  'CLUSTER_QUARANTINED',
] satisfies HubFaultCode[]);

const signal = new AbortController().signal;

/** Hands on to the coordinator what the agent tells, and lets no receipt through that the federation's key has not signed. */
export function checkedResponses({ who, responses }: RelayParts): ResponseRelay {
  const ask = async <Answer>(
    call: (calls: ResponseCalls) => Promise<Result<Answer, CallFaultCode>>,
  ): Promise<Result<Answer, HubFaultCode>> => {
    const calls = responses();
    if (calls === undefined) return refuse('COORDINATOR_AWAY', 'no coordinator is connected');
    const answer = await call(calls);
    if (answer.ok) return answer;
    const { code, message } = answer.fault;
    if (handedOn.has(code)) return refuse(code as HubFaultCode, message);
    return refuse('COORDINATOR_AWAY', `${code}: ${message}`);
  };
  return {
    async journalEvidence(request) {
      const answer = await ask((calls) => calls.journalEvidence(request, signal));
      const member = who();
      if (!answer.ok || member === undefined) return answer;
      const { sequence, acceptedAtMs, signature } = answer.value;
      const { federation, cluster, receiptKey } = member;
      const receipt = checkEvidenceReceipt({
        ...{ federation, cluster, digest: request.digest, signer: Buffer.from(request.signer).toString('hex') },
        ...{ record: Number(request.record), sequence: Number(sequence), acceptedAtMs: Number(acceptedAtMs) },
      });
      const verified = receipt.ok ? verifyEvidenceReceipt(receipt.value, signature, receiptKey) : receipt;
      if (!verified.ok) return refuse('COORDINATOR_AWAY', `its receipt is none: ${verified.fault.message}`);
      return { ok: true, value: { ...answer.value, federation, cluster, receiptKey: Buffer.from(receiptKey) } };
    },
    reportBreaker: (request) => ask((calls) => calls.reportBreaker(request, signal)),
    tellStanding: (request) => ask((calls) => calls.tellStanding(request, signal)),
  };
}
