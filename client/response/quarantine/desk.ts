import { join } from 'node:path';
import type { JsonValue } from '../../../base/canonical-json.ts';
import { failpoint } from '../../../base/failpoint.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { Timers } from '../../../base/time.ts';
import { Turns } from '../../../base/waiting/turns.ts';
import type { ClusterFaultCode, Done } from '../cluster/cluster.ts';
import type { PodFact } from '../cluster/facts.ts';
import type { Send } from '../cluster/send.ts';
import { contentBytesMax, EvidenceChain } from '../evidence/chain.ts';
import { heldAlerts, heldContent } from '../evidence/held-content.ts';
import { type Breaker, resumed } from '../ladder/breaker.ts';
import { spend } from '../ladder/budget.ts';
import { riskSteps, type Sighting } from '../ladder/sighting.ts';
import type { OwnAction } from '../part.ts';
import { gather, policiesOf } from './gather.ts';
import { type Isolation, isolationOf, isolationText } from './isolation.ts';
import { isShared, joined, loadMemory, type Memory, saveMemory, sharedIn, sharedText } from './memory.ts';
import { networkProbesOf } from './network-probes.ts';
import type { NodeCopy } from './node-copy.ts';
import type { Order, Orders } from './orders.ts';
import type { ReportedBreaker } from './teller.ts';

/** What the part does beside patching and evicting: all of it ends on disk. */
export type DeskAction = OwnAction &
  (
    | Readonly<{
        do: 'record';
        pod: PodFact;
        workload: string;
        sightings: readonly Sighting[];
        because: Readonly<Record<string, JsonValue>>;
      }>
    | Readonly<{ do: 'judge'; pod: PodFact }>
    | Readonly<{ do: 'breaker'; breaker: Breaker }>
    | Readonly<{ do: 'forget'; uids: readonly string[] }>
    /** Writes on the lease what could not be written there, or of which nobody knows whether it was. */
    | Readonly<{ do: 'share' }>
    | Readonly<{ do: 'order'; order: Order }>
  );

/** Where the next leader finds what this one spent, whichever folder it has. */
export type Shared = Readonly<{
  /** Its text as it was seen last; undefined where there is none. */
  seen(): string | undefined;
  keep(text: string): Promise<Result<undefined, ClusterFaultCode>>;
}>;

export type DeskParts = Readonly<{
  dataDirectory: string;
  dataKey: Uint8Array;
  cluster: string;
  send: Send;
  timers: Timers;
  orders: Pick<Orders, 'done'>;
  shared: Shared;
  /** Where nodes have helpers. */
  nodeCopy?: NodeCopy | undefined;
  /** The pod's images and whether they are signed; undefined where nobody looks. */
  imagesOf?(pod: JsonValue): readonly object[] | undefined;
  /** The digest of the manifest of a track's version; null where nobody says. */
  manifestOf?(track: string, version: number): string | null;
}>;

const done: Done = { ...ok(null), retryAfterMs: null };

/** Where the agent writes down what it is about to do, and what came of it: one change at a time. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #chain: EvidenceChain;
  readonly #file: string;
  /** What is known of each quarantined pod's isolation. */
  readonly verdicts = new Map<string, Isolation>();
  /** What of it stands in the chain. */
  readonly #recorded = new Map<string, string>();
  #memory: Memory;
  /** What `memory` was made of last. */
  #seen: Readonly<{ text: string | undefined; own: Memory; all: Memory; isShared: boolean }>;
  readonly #changing = new Turns();

  private constructor(parts: DeskParts, chain: EvidenceChain, file: string, memory: Memory) {
    this.#parts = parts;
    this.#chain = chain;
    this.#file = file;
    this.#memory = memory;
    this.#seen = { text: undefined, own: memory, all: memory, isShared: isShared(memory, undefined) };
  }

  static async open(parts: DeskParts): Promise<Desk> {
    const { dataDirectory, dataKey } = parts;
    const file = join(dataDirectory, 'response.json');
    const chain = await EvidenceChain.open(join(dataDirectory, 'evidence'), dataKey);
    return new Desk(parts, chain, file, await loadMemory(file));
  }

  /** What this agent wrote down, and what others wrote on the lease. Throws where the latter cannot be read. */
  get memory(): Memory {
    return this.#looked().all;
  }

  /** Whether the next leader would know of it: nothing may be done that rests on what it would not. Throws as `memory` does. */
  get isShared(): boolean {
    return this.#looked().isShared;
  }

  #looked() {
    const text = this.#parts.shared.seen();
    if (text !== this.#seen.text || this.#memory !== this.#seen.own) {
      const all = joined(this.#memory, text === undefined ? undefined : sharedIn(text));
      this.#seen = { text, own: this.#memory, all, isShared: isShared(all, text) };
    }
    return this.#seen;
  }

  /** The end of the chain of evidence, and whose signature it bears. */
  get evidence() {
    return { end: this.#chain.last, signer: this.#chain.publicKey };
  }

  /** The coordinator knows of this breaker, or of none. */
  async reported(reported: ReportedBreaker | null): Promise<void> {
    await this.#change((memory) => ({ ...memory, reported }));
  }

  /** Never rejects: what could not be written is refused, and nothing is done that rests on it. */
  async perform(action: DeskAction): Promise<Done> {
    try {
      return await this.#perform(action);
    } catch (error) {
      return refusal('CLUSTER_REFUSED', `${action.do}: ${(error as Error).message}`);
    }
  }

  async #perform(action: DeskAction): Promise<Done> {
    const nowMs = this.#parts.timers.now();
    switch (action.do) {
      case 'record':
        return await this.#record(action, nowMs);
      case 'judge':
        return await this.#judge(action.pod, nowMs);
      case 'breaker':
        return await this.#change((memory) => ({ ...memory, breaker: action.breaker }));
      case 'forget': {
        const { uids } = action;
        const changed = await this.#change((memory) => ({
          ...memory,
          begun: memory.begun.filter(({ uid }) => !uids.includes(uid)),
        }));
        failpoint('quarantine-forgotten');
        return changed;
      }
      case 'share':
        return await this.#change((memory) => memory);
      case 'order': {
        const { order } = action;
        if (order.kind === 'resume') {
          // It may have lain here since before another agent led.
          const changed = await this.#change((memory) => resumedMemory(memory, Math.min(order.atMs, nowMs)));
          if (!changed.ok) return changed;
        }
        await this.#parts.orders.done(order);
        return done;
      }
    }
  }

  /** Evidence first, then the budget: a crash between the two costs a second record, and no quarantine too many. */
  async #record(
    { pod, workload, sightings, because }: Extract<DeskAction, { do: 'record' }>,
    nowMs: number,
  ): Promise<Done> {
    const { send, cluster, nodeCopy, imagesOf } = this.#parts;
    const gathered = await gather(send, pod);
    if (!gathered.ok) {
      return refusal(gathered.fault.code === 'POD_GONE' ? 'POD_GONE' : 'OUTCOME_UNKNOWN', gathered.fault.message);
    }
    const alerts = heldAlerts(sightings);
    const warnings = networkProbesOf(gathered.value.pod);
    // From here on the pod stands still, where its node has a helper.
    const copied = nodeCopy === undefined ? {} : { node: await nodeCopy.take(gathered.value.pod) };
    const models = modelsOf(sightings, this.#parts.manifestOf);
    const known = { workload, because, warnings, alerts, models, risk: riskSteps(alerts) };
    const images = imagesOf?.(gathered.value.pod);
    const content = { ...known, ...gathered.value.rest, ...copied, ...(images === undefined ? {} : { images }) };
    const ids = alerts.map(({ id }) => id);
    const { uid, namespace, name } = pod;
    try {
      const evidence = await this.#chain.append({
        ...{ atMs: nowMs, kind: 'quarantine', cluster, alerts: ids },
        subject: { namespace, pod: name, uid },
        content: heldContent({ pod: gathered.value.pod, ...content }, contentBytesMax),
      });
      failpoint('evidence-written');
      const changed = await this.#change((memory) => ({
        ...memory,
        spent: spend(memory.spent, { uid, atMs: nowMs, namespace, workload }),
        begun: [...memory.begun.filter((one) => one.uid !== uid), { uid, atMs: nowMs, evidence, alerts: ids }],
      }));
      failpoint('quarantine-begun');
      return changed;
    } catch (error) {
      // It is not isolated for now, and tried again: on a full disk it would stand still for half of the time.
      await nodeCopy?.release(uid);
      throw error;
    }
  }

  async #judge(pod: PodFact, nowMs: number): Promise<Done> {
    await this.#parts.nodeCopy?.release(pod.uid);
    const policies = await policiesOf(this.#parts.send, pod);
    if (!policies.ok) return refusal('OUTCOME_UNKNOWN', policies.fault.message);
    const isolation = isolationOf(pod, policies.value);
    const { uid, namespace, name, labels, annotations } = pod;
    const verdict = isolationText(isolation);
    // Said again only where it has changed: a watch of the same pod fills no disk.
    if (this.#recorded.get(uid) !== verdict) {
      await this.#chain.append({
        ...{ atMs: nowMs, kind: 'outcome', cluster: this.#parts.cluster, alerts: [] },
        subject: { namespace, pod: name, uid },
        content: heldContent({ verdict, labels, annotations }, contentBytesMax),
      });
      this.#recorded.set(uid, verdict);
      failpoint('verdict-written');
    }
    // What is shown of it is evidence by then.
    this.verdicts.set(uid, isolation);
    return done;
  }

  #change(change: (memory: Memory) => Memory): Promise<Done> {
    return this.#changing.take(async () => {
      const next = change(this.memory);
      await saveMemory(this.#file, next);
      this.#memory = next;
      // Where this fails, what is on disk stands: `isShared` says that the next leader would not know it.
      const { shared } = this.#parts;
      const text = sharedText(next);
      if (text === shared.seen()) return done;
      const kept = await shared.keep(text);
      return kept.ok ? done : { ...kept, retryAfterMs: null };
    });
  }
}

/** Closed, and told so: that the coordinator did not say that it had heard of the breaker does not mean that it had not. */
function resumedMemory(memory: Memory, lookedAtMs: number): Memory {
  const { open } = memory.breaker;
  const looked = { ...memory, breaker: resumed(memory.breaker, lookedAtMs) };
  if (open === null || looked.breaker.open !== null || looked.reported != null) return looked;
  return { ...looked, reported: { track: open.track, version: open.version } };
}

/** Each version that raised one of the alerts. */
function modelsOf(sightings: readonly Sighting[], manifestOf: DeskParts['manifestOf']) {
  const versions = new Map(
    sightings.map(({ track, modelVersion }) => [`${track}@${modelVersion}`, { track, modelVersion }]),
  );
  return [...versions.values()].map(({ track, modelVersion: version }) => {
    return { track, version, manifest: manifestOf?.(track, version) ?? null };
  });
}

function refusal(code: ClusterFaultCode, message: string): Done {
  return { ...refuse(code, message), retryAfterMs: null };
}
