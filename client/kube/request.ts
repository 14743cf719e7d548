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

const answerMsMax = 15_000;
/** Of one page of 500 objects. */
const bodyBytesMax = 32 << 20;

/** One answer of the API server as JSON. What it refuses is a fault with a code, whatever the status it came with. */
export async function getJson(asking: Asking, path: string): Promise<Result<unknown, KubeFaultCode>> {
  const opened = await open(asking, path);
  if (!opened.ok) return opened;
  const { response, done } = opened.value;
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) return refuse('KUBE_ANSWER_INVALID', `an answer is longer than ${bodyBytesMax} bytes`);
      chunks.push(chunk);
    }
    const value = parsed(Buffer.concat(chunks).toString('utf8'));
    return refusalOf(response.statusCode ?? 0, value, path) ?? ok(value);
  } catch (error) {
    return unreachable(error);
  } finally {
    done();
    response.destroy();
  }
}

/** An answer that goes on: its lines, as they come. The caller destroys it. */
export async function openLines(asking: Asking, path: string): Promise<Result<IncomingMessage, KubeFaultCode>> {
  const opened = await open(asking, path);
  if (!opened.ok) return opened;
  const { response, done } = opened.value;
  done(); // From here on silence is the caller's to judge.
  if (response.statusCode === 200) return ok(response);
  let text = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>)
      if (text.length < 65_536) text += chunk.toString('utf8');
  } catch {
    // The status says enough.
  }
  return refusalOf(response.statusCode ?? 0, parsed(text), path) ?? refuse('KUBE_ANSWER_INVALID', `${path}: no 200`);
}

type Opened = Readonly<{ response: IncomingMessage; done(): void }>;

/** Resolves with the head of the answer; the whole of it must come before the deadline unless `done` is called. */
async function open({ endpoint, timers, signal }: Asking, path: string): Promise<Result<Opened, KubeFaultCode>> {
  const access = await endpoint.access();
  if (!access.ok) return access;
  const { host, port, token, agent } = access.value;
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${token}`,
    'user-agent': `testudo-client/${buildVersion()}`,
  };
  return await new Promise((resolve) => {
    const asked = request({ host, port, path, agent, headers, signal });
    const late = timers.after(answerMsMax, () => asked.destroy(new Error(`no answer in ${answerMsMax / 1_000} s`)));
    const done = () => timers.cancel(late);
    asked.on('response', (response) => resolve(ok({ response, done })));
    asked.on('error', (error) => {
      done();
      resolve(unreachable(error));
    });
    asked.end();
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
