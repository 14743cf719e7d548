import { buildVersion } from '../../../base/build-version.ts';
import type { JsonValue } from '../../../base/canonical-json.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { KubeFaultCode } from '../../kube/request.ts';
import type { PodFact } from '../cluster/facts.ts';
import type { Send } from '../cluster/send.ts';
import { type PolicyFact, projectPolicy } from './isolation.ts';

/** What the API server says of a pod at this moment. A part that it does not give says why not, and is missing. */
export type Gathered = Readonly<{ pod: JsonValue; rest: Readonly<Record<string, JsonValue>> }>;

const path = ({ namespace }: PodFact, group: string, kind: string, selector = '') =>
  `${group}/namespaces/${encodeURIComponent(namespace)}/${kind}${selector === '' ? '' : `?fieldSelector=${encodeURIComponent(selector)}`}`;
const eventsMax = 200;

/** The API server did not answer, or not with what was asked for. */
type NotGiven = KubeFaultCode | 'NOT_SENT' | 'NOT_GIVEN';

/** The pod as it is, what stands above it, its events, and the policies of its namespace. */
export async function gather(send: Send, pod: PodFact): Promise<Result<Gathered, 'POD_GONE' | 'POD_UNREADABLE'>> {
  const pods = await items(send, path(pod, '/api/v1', 'pods', `metadata.name=${pod.name}`));
  if (!pods.ok) return refuse('POD_UNREADABLE', pods.fault.message);
  const mine = pods.value.find((one) => uidOf(one) === pod.uid);
  if (mine === undefined) return refuse('POD_GONE', `${pod.namespace}/${pod.name} is not there any more`);
  const { owner } = pod;
  const kind = owner === null ? undefined : ownerPath[owner.kind];
  const [owners, events, policies] = await Promise.all([
    owner === null || kind === undefined
      ? ok([])
      : items(send, path(pod, '/apis/apps/v1', kind, `metadata.name=${owner.name}`)),
    items(send, `${path(pod, '/api/v1', 'events', `involvedObject.uid=${pod.uid}`)}&limit=${eventsMax}`),
    items(send, path(pod, '/apis/networking.k8s.io/v1', 'networkpolicies')),
  ]);
  const said = (part: Result<readonly JsonValue[], NotGiven>): JsonValue =>
    part.ok ? part.value : { unavailable: part.fault.message };
  const rest = { owners: said(owners), events: said(events), policies: said(policies), agent: buildVersion() };
  return ok({ pod: mine, rest });
}

/** The NetworkPolicies of a pod's namespace. */
export async function policiesOf(send: Send, pod: PodFact): Promise<Result<readonly PolicyFact[], NotGiven>> {
  const listed = await items(send, path(pod, '/apis/networking.k8s.io/v1', 'networkpolicies'));
  return listed.ok ? ok(listed.value.flatMap((one) => projectPolicy(one) ?? [])) : listed;
}

const ownerPath: Readonly<Record<string, string>> = { ReplicaSet: 'replicasets', StatefulSet: 'statefulsets' };

async function items(send: Send, path: string): Promise<Result<readonly JsonValue[], NotGiven>> {
  const sent = await send({ method: 'GET', path });
  if (!sent.ok) return sent;
  const { status, text } = sent.value;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  const { items, reason } = (body ?? {}) as { items?: unknown; reason?: unknown };
  if (status === 200 && Array.isArray(items)) return ok(items as JsonValue[]);
  return refuse('NOT_GIVEN', `GET ${path.split('?')[0]}: ${status} ${typeof reason === 'string' ? reason : ''}`.trim());
}

function uidOf(object: JsonValue): unknown {
  return (object as { metadata?: { uid?: unknown } } | null)?.metadata?.uid;
}
