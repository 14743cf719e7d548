import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { z } from 'zod';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { HubConfig } from './hub-config.ts';
import type { HubPeer } from './peer-name.ts';

type ByReview = Extract<HubConfig['admission'], { kind: 'tokenReview' }>;
type Reviewed = Result<HubPeer, 'TOKEN_UNKNOWN' | 'REVIEW_FAILED'>;

const timeoutMs = 10_000;
const answerBytesMax = 256 << 10;

/** authentication.k8s.io/v1: what is read of a TokenReview's answer. */
const answer = z.object({
  kind: z.literal('TokenReview'),
  status: z.object({
    authenticated: z.boolean().default(false),
    audiences: z.array(z.string()).default([]),
    error: z.string().default(''),
    user: z
      .object({
        username: z.string().default(''),
        extra: z.record(z.string(), z.array(z.string())).default({}),
      })
      .prefault({}),
  }),
});

/** What a token that is bound to a pod says of it; the node since Kubernetes 1.32. */
const keys = { sensor: 'authentication.kubernetes.io/node-name', agent: 'authentication.kubernetes.io/pod-name' };

/**
 * Asks the API server whose a ServiceAccount token is: a sensor's by the node that its pod runs on, an agent's by its pod. The answer's audiences are checked
 * too: an API server that knows nothing of audiences says "authenticated" to a token that was made for somebody else.
 */
export async function reviewToken(by: ByReview, token: string): Promise<Reviewed> {
  let reply: Readonly<{ status: number; body: string }>;
  try {
    reply = await post(by, { spec: { token, audiences: [by.audience] } });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return refuse('REVIEW_FAILED', `the API server could not be asked about a token (${code ?? message})`);
  }
  return verdictOf(by, reply);
}

/** What an answer of the API server says, its code and its body together: a 2xx may carry a failure. */
export function verdictOf(
  by: Pick<ByReview, 'audience' | 'serviceAccount' | 'agentServiceAccount'>,
  { status, body }: Readonly<{ status: number; body: string }>,
): Reviewed {
  const parsed = answer.safeParse(parsedJson(body));
  if (status < 200 || status > 299 || !parsed.success) {
    const remedy = status === 403 ? '; the client needs the right to create tokenreviews (system:auth-delegator)' : '';
    return refuse('REVIEW_FAILED', `the API server answered ${status} to a TokenReview${remedy}`);
  }
  const { authenticated, audiences, error, user } = parsed.data.status;
  if (!authenticated || error !== '') return refuse('TOKEN_UNKNOWN', 'the API server does not know the token');
  if (!audiences.includes(by.audience)) {
    return refuse('TOKEN_UNKNOWN', `the token is not for ${by.audience}; project one with that audience`);
  }
  const isOf = (account: string | undefined) =>
    account !== undefined && user.username === `system:serviceaccount:${account.replace('/', ':')}`;
  const kind = isOf(by.serviceAccount) ? 'sensor' : isOf(by.agentServiceAccount) ? 'agent' : undefined;
  if (kind === undefined) {
    const agents = by.agentServiceAccount === undefined ? '' : `, the agent as ${by.agentServiceAccount}`;
    return refuse('TOKEN_UNKNOWN', `the token is of ${user.username}; sensors run as ${by.serviceAccount}${agents}`);
  }
  const [bound] = user.extra[keys[kind]] ?? [];
  if (bound === undefined) {
    return refuse(
      'TOKEN_UNKNOWN',
      'the token is bound to no pod on a node: project it into the pod (Kubernetes 1.32 or newer)',
    );
  }
  return ok({ kind, name: bound });
}

/** Token and authority are read for each call: the cluster renews both. */
async function post(by: ByReview, spec: unknown): Promise<Readonly<{ status: number; body: string }>> {
  const [own, ca] = await Promise.all([readFile(by.tokenFile, 'utf8'), readFile(by.authorityFile)]);
  const { KUBERNETES_SERVICE_HOST: host = 'kubernetes.default.svc', KUBERNETES_SERVICE_PORT: port = '443' } =
    process.env;
  const server = by.apiServer ?? `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', ...(spec as object) });
  return await new Promise((resolve, reject) => {
    const call = request(
      `https://${server}/apis/authentication.k8s.io/v1/tokenreviews`,
      {
        method: 'POST',
        ca,
        timeout: timeoutMs,
        headers: {
          authorization: `Bearer ${own.trim()}`,
          'content-type': 'application/json',
          accept: 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > answerBytesMax) call.destroy(new Error('its answer is longer than 256 KiB'));
          else chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      },
    );
    call.on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`no answer for ${timeoutMs} ms`)));
    call.end(body);
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
