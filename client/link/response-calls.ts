import { Metadata } from '@grpc/grpc-js';
import type { Result } from '../../base/fault.ts';
import { type CallFaultCode, deadlineIn, unary } from '../../proto/call.ts';
import type {
  JournalEvidenceRequest,
  JournalEvidenceResponse,
  ReportBreakerRequest,
  ReportBreakerResponse,
  ResponsesClient,
  TellStandingRequest,
  TellStandingResponse,
} from '../../proto/generated/testudo/v1/responses.ts';

const callMs = 15_000;

/** What a response agent has to tell: an agent asks its hub, and the hub the coordinator. */
export type ResponseCalls = Readonly<{
  journalEvidence(
    request: JournalEvidenceRequest,
    signal: AbortSignal,
  ): Promise<Result<JournalEvidenceResponse, CallFaultCode>>;
  reportBreaker(
    request: ReportBreakerRequest,
    signal: AbortSignal,
  ): Promise<Result<ReportBreakerResponse, CallFaultCode>>;
  tellStanding(request: TellStandingRequest, signal: AbortSignal): Promise<Result<TellStandingResponse, CallFaultCode>>;
}>;

/** Over a client of the contract's service. */
export function responseCallsOf(client: ResponsesClient): ResponseCalls {
  const limits = () => ({ deadline: deadlineIn(callMs) });
  return {
    journalEvidence: (request, signal) =>
      unary((callback) => client.journalEvidence(request, new Metadata(), limits(), callback), signal),
    reportBreaker: (request, signal) =>
      unary((callback) => client.reportBreaker(request, new Metadata(), limits(), callback), signal),
    tellStanding: (request, signal) =>
      unary((callback) => client.tellStanding(request, new Metadata(), limits(), callback), signal),
  };
}
