import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { buildVersion } from '../../base/build-version.ts';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { KubeEndpoint } from './endpoint.ts';

export type KubeFaultCode =
  | 'KUBE_CREDENTIALS_UNREADABLE'
  | 'KUBE_ADDRESS_UNKNOWN'
  | 'KUBE_UNREACHABLE'
  | 'KUBE_FORBIDDEN'
  | 'KUBE_BUSY'
  | 'KUBE_GONE'
  | 'KUBE_REFUSED'
  | 'KUBE_ANSWER_INVALID';

type Asking = Readonly<{ endpoint: KubeEndpoint; timers: Timers; signal: AbortSignal }>;

/** A request that is more than a GET. */
export type KubeRequest = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  path: string;
  body?: unknown;
  /** Of the body; plain JSON unless given. */
  contentType?: string;
  answerMsMax?: number;
  /** Asked in the turn in which the request is sent: whoever may not send any more does not. */
  maySend?: () => boolean;
}>;

/** An answer as it came: what it means is the caller's to read, from status and body together. */
export type KubeReply = Readonly<{ status: number; retryAfterSeconds: number | null; text: string }>;

const defaultAnswerMsMax = 15_000;
/** Of one page of 500 objects. */
const bodyBytesMax = 32 << 20;

/** One answer of the API server as JSON. What it refuses is a fault with a code, whatever the status it came with. */
export async function getJson(asking: Asking, path: string): Promise<Result<unknown, KubeFaultCode>> {
  const opened = await open(asking, path);
  if (!opened.ok) return opened;
  const { response, done } = opened.value;
  try {
    const text = await textOf(response);
    if (text === undefined) return refuse('KUBE_ANSWER_INVALID', `an answer is longer than ${bodyBytesMax} bytes`);
    const value = parsed(text);
    return refusalOf(response.statusCode ?? 0, value, path) ?? ok(value);
  } catch (error) {
    return unreachable(error);
  } finally {
    done();
    response.destroy();
  }
}

/** Sends a request and takes the whole answer in. `NOT_SENT`: `maySend` said no. `KUBE_UNREACHABLE` may have been done. */
export async function askReply(
  asking: Asking,
  request: KubeRequest,
): Promise<Result<KubeReply, KubeFaultCode | 'NOT_SENT'>> {
  const opened = await open(asking, request.path, request);
  if (!opened.ok) return opened;
  const { response, done } = opened.value;
  try {
    const text = await textOf(response);
    if (text === undefined) return refuse('KUBE_ANSWER_INVALID', `an answer is longer than ${bodyBytesMax} bytes`);
    const seconds = Number.parseInt(response.headers['retry-after'] ?? '', 10);
    const retryAfterSeconds = Number.isSafeInteger(seconds) && seconds >= 0 ? seconds : null;
    return ok({ status: response.statusCode ?? 0, retryAfterSeconds, text });
  } catch (error) {
    return unreachable(error);
  } finally {
    done();
    response.destroy();
  }
}

/** undefined where it is longer than anything that is asked for. */
async function textOf(response: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** An answer that goes on: its lines, as they come. The caller destroys it. */
export async function openLines(asking: Asking, path: string): Promise<Result<IncomingMessage, KubeFaultCode>> {
  const opened = await open(asking, path);
  if (!opened.ok) return opened;
  const { response, done } = opened.value;
  if (response.statusCode === 200) {
    done(); // From here on silence is the caller's to judge.
    return ok(response);
  }
  const text = await textOf(response).catch(() => ''); // The status says enough.
  done();
  response.destroy();
  const said = parsed(text ?? '');
  return refusalOf(response.statusCode ?? 0, said, path) ?? refuse('KUBE_ANSWER_INVALID', `${path}: no 200`);
}

type Opened = Readonly<{ response: IncomingMessage; done(): void }>;

/** Resolves with the head of the answer; the whole of it must come before the deadline unless `done` is called. */
async function open(asking: Asking, path: string): Promise<Result<Opened, KubeFaultCode>>;
async function open(
  asking: Asking,
  path: string,
  more: Omit<KubeRequest, 'path'>,
): Promise<Result<Opened, KubeFaultCode | 'NOT_SENT'>>;
async function open(
  { endpoint, timers, signal }: Asking,
  path: string,
  {
    method,
    body,
    contentType = 'application/json',
    answerMsMax = defaultAnswerMsMax,
    maySend,
  }: Omit<KubeRequest, 'path'> = {
    method: 'GET',
  },
): Promise<Result<Opened, KubeFaultCode | 'NOT_SENT'>> {
  const access = await endpoint.access();
  if (!access.ok) return access;
  if (maySend?.() === false) return refuse('NOT_SENT', `${method} ${path}: not sent`);
  const { host, port, token, agent } = access.value;
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${token}`,
    'user-agent': `testudo-client/${buildVersion()}`,
    ...(body === undefined ? {} : { 'content-type': contentType }),
  };
  return await new Promise((resolve) => {
    const asked = request({ host, port, path, method, agent, headers, signal });
    const late = timers.after(answerMsMax, () => asked.destroy(new Error(`no answer in ${answerMsMax / 1_000} s`)));
    const done = () => timers.cancel(late);
    asked.on('response', (response) => resolve(ok({ response, done })));
    asked.on('error', (error) => {
      done();
      resolve(unreachable(error));
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What a status, or a body of kind Status, refuses; undefined where it refuses nothing. A 2xx may carry a failure. */
export function refusalOf(
  status: number,
  body: unknown,
  what: string,
): Readonly<{ ok: false; fault: { code: KubeFaultCode; message: string } }> | undefined {
  const { kind, status: outcome, code, message, reason } = (body ?? {}) as Record<string, unknown>;
  const isFailure = kind === 'Status' && outcome !== 'Success';
  if (status >= 200 && status < 300 && !isFailure) {
    return body === undefined ? (refuse('KUBE_ANSWER_INVALID', `${what}: no JSON`) as never) : undefined;
  }
  const effective = isFailure && typeof code === 'number' ? code : status;
  const said = `${effective} ${typeof reason === 'string' ? reason : ''} ${typeof message === 'string' ? message : ''}`;
  return refuse(codeOf(effective), `${what}: ${said.replaceAll(/\s+/g, ' ').trim().slice(0, 300)}`) as never;
}

function codeOf(status: number): KubeFaultCode {
  if (status === 401 || status === 403) return 'KUBE_FORBIDDEN';
  if (status === 410) return 'KUBE_GONE';
  if (status === 429 || status === 503) return 'KUBE_BUSY';
  return 'KUBE_REFUSED';
}

function unreachable(error: unknown): Result<never, 'KUBE_UNREACHABLE'> {
  const { code, message } = error as NodeJS.ErrnoException;
  return refuse('KUBE_UNREACHABLE', `the API server does not answer (${code ?? message})`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
