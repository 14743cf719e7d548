import { z } from 'zod';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { Turns } from '../../../base/waiting/turns.ts';
import type { Send } from './send.ts';

export type LeaseSettings = Readonly<{
  namespace: string;
  name: string;
  /** Who this agent is; no other bears the name. */
  holder: string;
  /** So long after the last sign of its holder another may take it. */
  durationMs: number;
  /** A holder that could not renew it for so long stops acting. Less than `durationMs` by more than one request's time. */
  renewWithinMs: number;
  /** Between two looks. */
  retryMs: number;
}>;

export const defaultLeaseTimes = { durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2_000 } as const;

const lease = z.object({
  // A PUT replaces what is there: labels, owners and finalizers of others go back as they came.
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z
    .object({
      holderIdentity: z.string().default(''),
      leaseTransitions: z.number().default(0),
      renewTime: z.string().default(''),
    })
    .prefault({}),
});
type Lease = z.infer<typeof lease>;

/**
 * One lease of coordination.k8s.io/v1: at most one agent acts at a time. Another's lease is over when nothing about it has
 * changed for `durationMs` of our own clock; its `renewTime` is another clock's and is not believed. Our own is counted
 * from before the request that renewed it was sent.
 */
export class LeaseElection {
  readonly #settings: LeaseSettings;
  readonly #send: Send;
  readonly #timers: Timers;
  /** Written with each renewal. */
  readonly #annotations = new Map<string, string>();
  /** What others wrote on it, as it was at the last look. */
  annotationsSeen: Readonly<Record<string, string>> = {};
  /** Who held it at the last look; null where nobody did, or nobody knows. */
  leader: string | null = null;
  #renewedAtMs: number | undefined;
  /** Two writes of our own at once would each find the other's version. */
  readonly #turns = new Turns();
  #seen: Readonly<{ version: string; sinceMs: number }> | undefined;

  constructor(settings: LeaseSettings, send: Send, timers: Timers) {
    this.#settings = settings;
    this.#send = send;
    this.#timers = timers;
  }

  /** True while nobody else can have taken it. Cheap: asked before each mutation is sent. */
  readonly isHeld = (): boolean =>
    this.#renewedAtMs !== undefined && this.#timers.monotonicMs() - this.#renewedAtMs < this.#settings.renewWithinMs;

  /** An own annotation, from the next renewal on. */
  annotate(key: string, value: string): void {
    this.#annotations.set(key, value);
  }

  /**
   * Writes an own annotation now, where nobody else holds the lease: the version that was read is a condition, so a leader that was
   * overtaken writes nothing, and whoever leads next finds it in `annotationsSeen`.
   */
  keep(key: string, value: string): Promise<Result<undefined, 'NOT_LEADER' | 'OUTCOME_UNKNOWN'>> {
    return this.#turns.take(async () => {
      const path = this.#path;
      for (let tries = 0; tries < 3 && this.isHeld(); tries += 1) {
        const got = await this.#send({ method: 'GET', path, answerMsMax: this.#answerMsMax });
        if (!got.ok) return refuse('OUTCOME_UNKNOWN', got.fault.message);
        const found = lease.safeParse(parsed(got.value.text));
        if (!found.success) return refuse('OUTCOME_UNKNOWN', `${path}: ${got.value.text.slice(0, 200)}`);
        if (found.data.spec.holderIdentity !== this.#settings.holder) break;
        this.#annotations.set(key, value);
        const wrong = await this.#write(path, found.data);
        if (wrong !== undefined) return refuse('OUTCOME_UNKNOWN', wrong);
        if (this.annotationsSeen[key] === value) return ok(undefined);
      }
      return refuse('NOT_LEADER', 'the lease is not held: nothing is written on it');
    });
  }

  /** Takes it where it is free, renews it where it is ours. What went wrong, for people; undefined when nothing did. */
  look(): Promise<string | undefined> {
    return this.#turns.take(() => this.#look());
  }

  async #look(): Promise<string | undefined> {
    const path = this.#path;
    const got = await this.#send({ method: 'GET', path, answerMsMax: this.#answerMsMax });
    if (!got.ok) return got.fault.message;
    if (got.value.status === 404) return await this.#make(path.slice(0, path.lastIndexOf('/')));
    const found = lease.safeParse(parsed(got.value.text));
    if (got.value.status !== 200 || !found.success)
      return `${path}: ${got.value.status} ${got.value.text.slice(0, 200)}`;
    const { metadata, spec } = found.data;
    this.annotationsSeen = metadata.annotations;
    this.leader = spec.holderIdentity || null;
    if (spec.holderIdentity === this.#settings.holder) return await this.#write(path, found.data);
    this.#renewedAtMs = undefined;
    this.#annotations.clear(); // Another leads, or has led: what it wrote since must not be written over.
    const now = this.#timers.monotonicMs();
    if (this.#seen?.version !== metadata.resourceVersion)
      this.#seen = { version: metadata.resourceVersion, sinceMs: now };
    const isOver = spec.holderIdentity === '' || now - this.#seen.sinceMs >= this.#settings.durationMs;
    return isOver ? await this.#write(path, found.data) : undefined;
  }

  /** Hands it back, so that the next need not wait. Nothing is held afterwards, whatever the server says. */
  async release(): Promise<void> {
    if (!this.isHeld()) return;
    this.#renewedAtMs = undefined;
    const { holder } = this.#settings;
    const path = this.#path;
    const got = await this.#send({ method: 'GET', path, answerMsMax: this.#answerMsMax });
    if (!got.ok) return;
    const found = lease.safeParse(parsed(got.value.text));
    if (!found.success || found.data.spec.holderIdentity !== holder) return;
    await this.#send({ method: 'PUT', path, body: this.#body(found.data, ''), answerMsMax: this.#answerMsMax });
  }

  get #path(): string {
    const { namespace, name } = this.#settings;
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
  }

  /** A request that is not answered must not use up the time in which it could be tried again. */
  get #answerMsMax(): number {
    const { durationMs, renewWithinMs, retryMs } = this.#settings;
    return Math.max(500, Math.min(renewWithinMs / 2, durationMs - renewWithinMs - retryMs));
  }

  async #make(path: string): Promise<string | undefined> {
    const { name, namespace, holder } = this.#settings;
    const none = {
      metadata: { name, resourceVersion: '', annotations: {} },
      spec: { holderIdentity: '', leaseTransitions: -1, renewTime: '' },
    };
    const { metadata, ...rest } = this.#body(none, holder);
    const { resourceVersion: _, ...made } = metadata;
    const sentAtMs = this.#timers.monotonicMs();
    const body = { ...rest, metadata: { ...made, namespace } };
    const sent = await this.#send({ method: 'POST', path, body, answerMsMax: this.#answerMsMax });
    return this.#taken(sent, sentAtMs, path);
  }

  async #write(path: string, before: Lease): Promise<string | undefined> {
    const sentAtMs = this.#timers.monotonicMs();
    const body = this.#body(before, this.#settings.holder);
    const sent = await this.#send({ method: 'PUT', path, body, answerMsMax: this.#answerMsMax });
    return this.#taken(sent, sentAtMs, path);
  }

  #taken(sent: Awaited<ReturnType<Send>>, sentAtMs: number, path: string): string | undefined {
    if (!sent.ok) return sent.fault.message;
    const { status, text } = sent.value;
    const written = lease.safeParse(parsed(text));
    const isOurs = written.success && written.data.spec.holderIdentity === this.#settings.holder;
    if (status >= 200 && status < 300 && isOurs) {
      this.#renewedAtMs = sentAtMs;
      this.annotationsSeen = written.data.metadata.annotations;
      return undefined;
    }
    if (status === 409) return undefined; // Somebody was quicker; the next look says who.
    return `${path}: ${status} ${text.slice(0, 200)}`;
  }

  #body(before: Lease, holder: string) {
    const isNew = before.spec.holderIdentity !== holder && holder !== '';
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        ...before.metadata,
        annotations: { ...before.metadata.annotations, ...Object.fromEntries(this.#annotations) },
      },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: Math.max(1, Math.round(this.#settings.durationMs / 1_000)),
        renewTime: new Date(this.#timers.now()).toISOString().replace(/Z$/, '000Z'),
        leaseTransitions: before.spec.leaseTransitions + (isNew ? 1 : 0),
      },
    };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
