import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { KubeFaultCode, KubeReply, KubeRequest } from '../../kube/request.ts';
import type { Send } from '../cluster/send.ts';
import type { Pod } from './simulated-objects.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** How often a request is answered in each of these ways, each in [0, 1]. */
export type Lies = Readonly<{
  /** 429 of priority and fairness, nothing done. */
  throttled: number;
  /** 201 whose body is a failure, nothing done. */
  failedInside: number;
  /** 500, and it was done. */
  doneAndFailed: number;
  /** Half a body, and it was done. */
  halfBody: number;
  /** The connection breaks; it was done in half of the cases. */
  broken: number;
  unauthorized: number;
  forbidden: number;
  /** 410, as for a version that is too old. */
  gone: number;
}>;

export const honest: Lies = {
  ...{
    throttled: 0,
    failedInside: 0,
    doneAndFailed: 0,
    halfBody: 0,
    broken: 0,
    unauthorized: 0,
    forbidden: 0,
    gone: 0,
  },
};

/** What was done to a pod, as it was then. */
export type Deed = Readonly<{ does: 'patch' | 'evict'; pod: Pod; atMs: number; by: string }>;

/**
 * The API server of a simulated cluster, as far as an agent talks to it: pods' metadata, evictions with their budgets, and a
 * lease. It may lie, and the answer then says nothing about what was done.
 */
export class SimulatedApi {
  readonly #world: SimulatedWorld;
  lies: Lies;
  /** Everything that took effect. */
  readonly deeds: Deed[] = [];
  readonly calls = { patch: 0, evict: 0 };
  #lease: Record<string, Record<string, unknown>> | undefined;
  onDeed: (deed: Deed) => void = () => undefined;

  constructor(world: SimulatedWorld, lies: Lies = honest) {
    this.#world = world;
    this.lies = lies;
  }

  /** `by`: whose requests these are. `latencyMs`: at most, either way. */
  sendAs(by: string, latencyMs = 50): Send {
    const { timers } = this.#world;
    const pause = () => new Promise<void>((resolve) => void timers.after(this.#world.between(1, latencyMs), resolve));
    return async (request) => {
      if (request.maySend?.() === false) return refuse('NOT_SENT', 'not sent');
      await pause();
      const reply = this.#answer(request, by);
      await pause();
      return reply;
    };
  }

  #answer(request: KubeRequest, by: string): Result<KubeReply, KubeFaultCode> {
    const isLease = request.path.includes('/leases');
    if (!isLease) this.calls[request.method === 'PATCH' ? 'patch' : 'evict'] += 1;
    const { lies } = this;
    let draw = this.#world.random();
    const falls = (share: number) => {
      const hit = draw < share;
      draw -= share;
      return hit;
    };
    const done = () => (isLease ? this.#leaseReply(request) : this.#podReply(request, by));
    if (falls(lies.throttled)) return throttled;
    if (falls(lies.failedInside)) return reply(201, failure(500, 'InternalError', 'something'));
    if (falls(lies.unauthorized)) return status(401, 'Unauthorized', 'Unauthorized');
    if (falls(lies.forbidden)) return status(403, 'Forbidden', 'cannot patch resource "pods"');
    if (falls(lies.gone)) return status(410, 'Expired', 'too old resource version');
    if (falls(lies.broken)) {
      if (this.#world.random() < 0.5) done();
      return refuse('KUBE_UNREACHABLE', 'ECONNRESET');
    }
    const answer = done();
    if (falls(lies.doneAndFailed)) return status(500, 'InternalError', 'etcdserver: request timed out');
    if (falls(lies.halfBody) && answer.ok) {
      return ok({ ...answer.value, text: answer.value.text.slice(0, Math.floor(answer.value.text.length / 2)) });
    }
    return answer;
  }

  #podReply(request: KubeRequest, by: string): Result<KubeReply, never> {
    const [, namespace, name, tail = ''] = /namespaces\/([^/]+)\/pods\/([^/?]+)(.*)$/.exec(request.path) ?? [];
    const pod = [...this.#world.objects.pods.values()].find((one) => one.namespace === namespace && one.name === name);
    if (pod === undefined) return status(404, 'NotFound', `pods "${name}" not found`);
    if (request.method === 'PATCH') return this.#patch(pod, request.body as Patch, by);
    return this.#evict(pod, request.body as Eviction, tail.includes('dryRun=All'), by);
  }

  #patch(pod: Pod, { metadata }: Patch, by: string): Result<KubeReply, never> {
    if (metadata.uid !== pod.uid || metadata.resourceVersion !== pod.resourceVersion) {
      return status(409, 'Conflict', 'the object has been modified');
    }
    this.#deed({ does: 'patch', pod, by });
    for (const kind of ['labels', 'annotations'] as const) {
      for (const [key, value] of Object.entries(metadata[kind] ?? {})) {
        if (value === null) delete pod[kind][key];
        else pod[kind][key] = value;
      }
    }
    this.#world.wrote('pods', pod.uid);
    return reply(200, { kind: 'Pod', metadata: { uid: pod.uid } });
  }

  /** As pkg/registry/core/pod/storage/eviction.go of 1.36 does it. */
  #evict(pod: Pod, { deleteOptions }: Eviction, dryRun: boolean, by: string): Result<KubeReply, never> {
    const isUidOther = deleteOptions?.preconditions?.uid !== undefined && deleteOptions.preconditions.uid !== pod.uid;
    const ignoresBudgets = pod.phase !== 'Running' || pod.isDeleting;
    const budgets = [...this.#world.objects.budgets.values()].filter((budget) => this.#world.isSelected(budget, pod));
    const [budget] = budgets;
    if (!ignoresBudgets && budget !== undefined) {
      if (budgets.length > 1)
        return status(500, 'InternalError', 'This pod has more than one PodDisruptionBudget, which is not');
      if (!budget.isCurrent) return reply(429, budgetFailure(10), 10);
      const isSpared = !pod.isReady && budget.currentHealthy >= budget.desiredHealthy && budget.desiredHealthy > 0;
      if (!isSpared && budget.disruptionsAllowed <= 0) return reply(429, budgetFailure(0));
      if (!dryRun && !isSpared) {
        budget.disruptionsAllowed -= 1;
        budget.disrupted.set(pod.name, this.#world.timers.now());
        this.#world.wrote('budgets', budget.uid);
      }
    }
    // Asked last: another's uid has used up the budget by then.
    if (isUidOther) return status(409, 'Conflict', 'Precondition failed: UID in precondition');
    if (!dryRun) {
      this.#deed({ does: 'evict', pod, by });
      this.#world.end(pod);
    }
    return reply(201, { kind: 'Status', status: 'Success' });
  }

  #deed({ does, pod, by }: Pick<Deed, 'does' | 'pod' | 'by'>): void {
    const copy = { ...pod, labels: { ...pod.labels }, annotations: { ...pod.annotations } };
    const deed = { does, by, atMs: this.#world.timers.now(), pod: copy };
    this.deeds.push(deed);
    this.onDeed(deed);
  }

  #leaseReply({ method, body }: KubeRequest): Result<KubeReply, never> {
    if (method === 'GET') return this.#lease === undefined ? status(404, 'NotFound', '') : reply(200, this.#lease);
    const sent = body as Record<string, Record<string, unknown>>;
    const isStale =
      method === 'POST'
        ? this.#lease !== undefined
        : sent.metadata?.resourceVersion !== this.#lease?.metadata?.resourceVersion;
    if (isStale) return status(409, 'Conflict', '');
    this.#lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: this.#world.unique('lease') } };
    return reply(200, this.#lease);
  }
}

type Patch = Readonly<{
  metadata: Readonly<{
    uid: string;
    resourceVersion: string;
    labels?: Readonly<Record<string, string | null>>;
    annotations?: Readonly<Record<string, string | null>>;
  }>;
}>;
type Eviction = Readonly<{ deleteOptions?: { preconditions?: { uid?: string } } }>;

/** As staging/src/k8s.io/apiserver/pkg/server/filters/maxinflight.go writes it: no Status, and no JSON. */
const throttled: Result<KubeReply, never> = ok({
  status: 429,
  retryAfterSeconds: 1,
  text: 'Too many requests, please try again later.\n',
});

const failure = (code: number, reason: string, message: string) => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message,
});

function budgetFailure(retryAfterSeconds: number) {
  const causes = [{ reason: 'DisruptionBudget', message: 'The disruption budget needs more healthy pods' }];
  const details = { causes, ...(retryAfterSeconds === 0 ? {} : { retryAfterSeconds }) };
  return { ...failure(429, 'TooManyRequests', 'Cannot evict pod'), details };
}

function status(code: number, reason: string, message: string, retryAfterSeconds: number | null = null) {
  return reply(code, failure(code, reason, message), retryAfterSeconds);
}

function reply(code: number, body: object, retryAfterSeconds: number | null = null): Result<KubeReply, never> {
  return ok({ status: code, retryAfterSeconds, text: JSON.stringify(body) });
}
