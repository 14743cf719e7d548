import type { handleUnaryCall, ServerUnaryCall, ServiceError, sendUnaryData } from '@grpc/grpc-js';
import { type Fault, ok, type Result, refuse } from '../../base/fault.ts';
import { faultFields, type Log } from '../../base/log.ts';
import { type PeerKind, peerOfNames } from './peer-name.ts';
import { type HubFaultCode, refusalOf } from './refusal.ts';
import type { SparseLog } from './sparse-log.ts';

export type HandlerParts = Readonly<{ log: Log; lines: SparseLog; onRefused(code: HubFaultCode): void }>;

/** The name of the caller, who must be of this kind: a sensor hears of nobody's alerts, and an agent tells of none. */
export function nameOfCaller(
  call: Pick<ServerUnaryCall<unknown, unknown>, 'getAuthContext'>,
  ...kinds: readonly PeerKind[]
): Result<string, 'CERTIFICATE_MISSING' | 'ROLE_INSUFFICIENT'> {
  const peer = peerOfNames(call.getAuthContext().sslPeerCertificate?.subjectaltname);
  if (peer === undefined) return refuse('CERTIFICATE_MISSING', 'the certificate is nobody’s that this hub admits');
  if (kinds.includes(peer.kind)) return ok(peer.name);
  return refuse('ROLE_INSUFFICIENT', `${peer.name} is admitted as ${peer.kind}, and this is for ${kinds.join(' or ')}`);
}

export function refuseCall(parts: HandlerParts, fault: Fault<HubFaultCode>): ServiceError {
  parts.onRefused(fault.code);
  // Anybody can be refused, as often as he likes.
  parts.lines.line(fault.code, (since) => parts.log.warn({ ...faultFields(fault), ...since }, 'a peer was refused'));
  return refusalOf(fault);
}

/** A handler as grpc-js wants it. What it throws goes no further than the log: thrown text would reach the peer. */
export function unary<Request, Response>(
  parts: HandlerParts,
  handle: (call: ServerUnaryCall<Request, Response>) => Promise<Result<Response, HubFaultCode>>,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    handle(call).then(
      (answer) => (answer.ok ? callback(null, answer.value) : callback(refuseCall(parts, answer.fault))),
      (error: Error) => {
        parts.log.error({ cause: error.message }, 'the hub failed a peer');
        callback(refusalOf({ code: 'DRAINING', message: 'failed' }));
      },
    );
  };
}
