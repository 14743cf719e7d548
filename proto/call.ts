import { type ClientReadableStream, type ClientUnaryCall, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Fault, ok, type Result, refuse } from '../base/fault.ts';
import { proxyHelp } from './by-proxy.ts';
import type { Branded } from './ids.ts';
import { isServedFaultCode, type ServedFaultCode, servedFaults } from './served-faults.ts';
import { faultCodeKey, faultMessageKey, retryAfterKey } from './wire-names.ts';

/** What a newer coordinator said: no build of ours knows it, so it is judged by the status beside it. */
type NewerFaultCode = Branded<string, 'NewerFaultCode'>;
/** No code of ours came: a proxy in between, nobody there, or a call that never began. */
export type StatusFaultCode = `GRPC_${keyof typeof status}`;
/** How a call fails. */
export type CallFaultCode = ServedFaultCode | StatusFaultCode | NewerFaultCode;

const statusNames: ReadonlyMap<number, keyof typeof status> = new Map(
  Object.entries(status).map(([name, code]) => [code as number, name as keyof typeof status]),
);
/** How grpc-js tells of an answer that is HTTP's alone; it would take 404 for a method that is not served. */
const httpAnswer = /^Received HTTP status code (\d{3})$/;
const legalCode = /^[A-Z][A-Z0-9_]{0,63}$/;

/**
 * A refused call as a fault: the coordinator's own code where it sent one (to operators with its message), otherwise
 * "GRPC_" and the status.
 */
export function faultOfError(error: unknown): Fault<CallFaultCode> {
  const { code, metadata } = error as Partial<ServiceError>;
  const sent = metadata instanceof Metadata ? metadata.get(faultCodeKey)[0] : undefined;
  const statusName = statusNames.get(code ?? status.UNKNOWN) ?? 'UNKNOWN';
  if (typeof sent === 'string' && legalCode.test(sent)) {
    const told = metadata instanceof Metadata ? metadata.get(faultMessageKey)[0] : undefined;
    const message = told instanceof Buffer ? withoutControls(told.toString('utf8').slice(0, 2_000)) : undefined;
    return {
      code: sent as CallFaultCode,
      message: message ?? meaningOf(sent, statusName),
      fields: { status: statusName, ...retryAfterIn(metadata) },
    };
  }
  const details = (error as Partial<ServiceError>).details ?? (error instanceof Error ? error.message : String(error));
  const http = httpAnswer.exec(details)?.[1];
  // No coordinator refuses so: what a proxy or another server thinks of the path says nothing about what is served.
  if (http !== undefined) {
    const message = `HTTP ${http} and no gRPC: a proxy, or another server, answers at this address; check address and routes`;
    return refuse('GRPC_UNAVAILABLE', message, { status: 'UNAVAILABLE' }).fault;
  }
  const proxy = proxyHelp(details);
  if (proxy !== undefined)
    return refuse('GRPC_UNAVAILABLE', `no connection: ${proxy}`, { status: 'UNAVAILABLE' }).fault;
  const clock = clockRefusal.test(details) ? `: ${clockHelp}` : '';
  const message = `${printable(withoutEmptyNote(details))}${clock}`;
  return { code: `GRPC_${statusName}`, message, fields: { status: statusName } };
}

/** OpenSSL's words for a certificate that is outside its time (X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED); they do not say whose. */
const clockRefusal = /certificate (is not yet valid|has expired)/;
const clockHelp = "that is the certificate of who answers there, by this machine's clock: is that right?";

/** Who was not let in gets the code alone; what it means stands in the contract, of every code that this build knows. */
function meaningOf(code: string, statusName: string): string {
  const meaning = isServedFaultCode(code) ? `${servedFaults[code].meaning}; ` : '';
  return `${meaning}refused by the coordinator (${statusName})`;
}

/** A stranger's word for how long to stay away: an hour at most. */
function retryAfterIn(metadata: Metadata | undefined): Readonly<{ retryAfterMs?: number }> {
  const [said] = metadata?.get(retryAfterKey) ?? [];
  return typeof said === 'string' && /^\d{1,10}$/.test(said) ? { retryAfterMs: Math.min(Number(said), 3_600_000) } : {};
}

/** grpc-js ends what it says of an address that nobody answers at with a note on its resolution, mostly an empty one. */
function withoutEmptyNote(details: string): string {
  return details.replace(/\s*\.?\s*Resolution note:\s*$/, '');
}

/** A unary call as a result; `start` gets the callback. */
export function unary<Response>(
  start: (callback: (error: ServiceError | null, response: Response) => void) => ClientUnaryCall,
  signal?: AbortSignal,
): Promise<Result<Response, CallFaultCode>> {
  return new Promise((resolve) => {
    const abort = () => call?.cancel();
    let call: ClientUnaryCall | undefined;
    try {
      call = start((error, response) => {
        signal?.removeEventListener('abort', abort);
        resolve(error === null ? ok(response) : { ok: false, fault: faultOfError(error) });
      });
    } catch (error) {
      resolve({ ok: false, fault: hungUpFault(error) });
      return;
    }
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
  });
}

/** Hears a stream until it fails, ends or is aborted, and gives why; `end` where it ended in order. Never throws. */
export function hearStream<Message>(
  start: () => ClientReadableStream<Message>,
  {
    signal,
    onMessage,
  }: Readonly<{ signal: AbortSignal; onMessage: (message: Message, stream: ClientReadableStream<Message>) => void }>,
  end: Fault,
): Promise<Fault> {
  return new Promise((resolve) => {
    let stream: ClientReadableStream<Message>;
    try {
      stream = start();
    } catch (error) {
      resolve(hungUpFault(error));
      return;
    }
    const abort = () => stream.cancel();
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const finish = (fault: Fault) => {
      signal.removeEventListener('abort', abort);
      resolve(fault);
    };
    stream.on('data', (message: Message) => onMessage(message, stream));
    stream.on('error', (error) => finish(faultOfError(error)));
    stream.on('end', () => finish(end));
  });
}

/** grpc-js throws where a call is begun on a connection that was closed meanwhile: another one is on its way. */
export function hungUpFault(error: unknown): Fault<'GRPC_UNAVAILABLE'> {
  const why = error instanceof Error ? error.message : String(error);
  return refuse('GRPC_UNAVAILABLE', printable(why), { status: 'UNAVAILABLE' }).fault;
}

/** Absolute deadline for one call. */
export function deadlineIn(milliseconds: number): Date {
  return new Date(Date.now() + milliseconds);
}

/** A stranger's text, safe for a log line. */
function printable(text: string): string {
  return text.slice(0, 300).replace(/[^\x20-\x7e]/g, '?');
}

function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
