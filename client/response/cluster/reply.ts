import { z } from 'zod';
import { refuse } from '../../../base/fault.ts';
import type { KubeReply } from '../../kube/request.ts';
import type { ClusterFaultCode, ClusterRefusal, Done } from './cluster.ts';

/** metav1.Status, as far as it says what to do next. */
const status = z.object({
  kind: z.literal('Status'),
  status: z.string().default('Failure'),
  code: z.number().optional(),
  reason: z.string().default(''),
  message: z.string().default(''),
  details: z
    .object({
      retryAfterSeconds: z.number().default(0),
      causes: z.array(z.object({ reason: z.string().default(''), message: z.string().default('') })).default([]),
    })
    .prefault({}),
});
type Status = z.infer<typeof status>;

/** No server is waited for longer than this because it says so. */
const retryAfterMsMax = 300_000;

/** What an answer refuses, read from status and body together: a 2xx may carry a failure. undefined: it was done. */
export function refusalIn(reply: KubeReply, what: string): Done | undefined {
  const body = parsed(reply.text);
  // Half a body: the server was cut off while it said something, and what it did nobody knows. A 429 of the filters in front of
  // everything (max-in-flight, priority and fairness) is plain text, and nothing was done.
  if (body === undefined && reply.status !== 429)
    return answer('OUTCOME_UNKNOWN', `${what}: ${reply.status} without a whole answer`, null);
  const read = status.safeParse(body);
  const isFailure = read.success && read.data.status !== 'Success';
  if (reply.status >= 200 && reply.status < 300 && !isFailure) return undefined;
  const said = read.success ? read.data : status.parse({ kind: 'Status' });
  const effective = isFailure ? (said.code ?? reply.status) : reply.status;
  const code = codeOf(effective, said);
  const message = `${what}: ${effective} ${said.reason} ${said.message}`.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
  return answer(code, message, retryAfterMsOf(reply, said));
}

function codeOf(code: number, said: Status): ClusterFaultCode {
  const { reason, message, details } = said;
  const hasCause = (wanted: string) => details.causes.some(({ reason }) => reason === wanted);
  if (code === 429) {
    if (!hasCause('DisruptionBudget')) return 'THROTTLED';
    return details.retryAfterSeconds > 0 ? 'BUDGET_UNOBSERVED' : 'BUDGET_NONE_LEFT';
  }
  if (message.includes('more than one PodDisruptionBudget')) return 'BUDGET_MULTIPLE';
  if (code === 401) return 'CREDENTIALS_REFUSED';
  if (code === 403) return hasCause('NamespaceTerminating') ? 'NAMESPACE_TERMINATING' : 'FORBIDDEN';
  if (code === 404) return 'POD_GONE';
  // 422 is how a patch answers to a uid that is immutable: it is another pod's.
  if (code === 409 || (code === 422 && /uid/i.test(message))) return 'POD_CHANGED';
  if (code === 503) return 'THROTTLED';
  if (code >= 500 || reason === 'Timeout') return 'OUTCOME_UNKNOWN';
  return 'CLUSTER_REFUSED';
}

function retryAfterMsOf({ retryAfterSeconds }: KubeReply, { details }: Status): number | null {
  const seconds = retryAfterSeconds ?? (details.retryAfterSeconds > 0 ? details.retryAfterSeconds : null);
  return seconds === null ? null : Math.min(seconds * 1_000, retryAfterMsMax);
}

function answer(code: ClusterFaultCode, message: string, retryAfterMs: ClusterRefusal['retryAfterMs']): Done {
  return { ...refuse(code, message), retryAfterMs };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
