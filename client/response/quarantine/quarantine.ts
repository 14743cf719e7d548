import { join } from 'node:path';
import { type Fault, ok, type Result, refuse } from '../../../base/fault.ts';
import type { Log } from '../../../base/log.ts';
import type { Timers } from '../../../base/time.ts';
import type { RotationStanding, TellStandingRequest } from '../../../proto/generated/testudo/v1/responses.ts';
import { loadDataKey } from '../../storage/data-key.ts';
import type { Facts } from '../cluster/facts.ts';
import type { Send } from '../cluster/send.ts';
import { receiptFile } from '../evidence/receipts.ts';
import { HubFollower } from '../hearing/hub-follower.ts';
import type { HubSettings } from '../hearing/hub-settings.ts';
import type { Breaker } from '../ladder/breaker.ts';
import { riskSteps } from '../ladder/sighting.ts';
import type { Part } from '../part.ts';
import type { ImageWatch } from '../posture/image-watch.ts';
import { AlertFeed } from './alert-feed.ts';
import { Desk, type DeskAction, type Shared } from './desk.ts';
import { isolationText } from './isolation.ts';
import { KeptProposals } from './kept-proposals.ts';
import type { Mark } from './marks.ts';
import { nodeCopy } from './node-copy.ts';
import { Orders } from './orders.ts';
import { quarantinePart } from './part.ts';
import { PolicyFeed } from './policy-feed.ts';
import type { QuarantineConfig } from './quarantine-config.ts';
import type { Seen, SeenSuspect } from './seen.ts';
import { countsOf, type QuarantineCounts, standingMessage } from './standing.ts';
import { StandingTeller } from './standing-teller.ts';
import { suspectsOf } from './suspects.ts';
import { Teller } from './teller.ts';

export type QuarantineParts = Readonly<{
  config: QuarantineConfig;
  /** Where alerts and the signed set come from; undefined where files alone are read. */
  hub: Readonly<{ settings: HubSettings; name: string }> | undefined;
  dataDirectory: string;
  /** What every leader must know. */
  shared: Shared;
  send: Send;
  /** What is known of images' signatures; undefined where nobody looks. */
  images?: Pick<ImageWatch, 'of'> | undefined;
  timers: Timers;
  log: Log;
  /** The loop is to look again. */
  wake(): void;
  onCounts(counts: QuarantineCounts): void;
  /** Whether the hub tells, at each change. */
  onHub(isThere: boolean): void;
  /** Whether this agent leads: others know nothing that is worth telling. */
  leads(): boolean;
  /** Who leads, as the lease said last. */
  leader(): string | null;
  /** What the coordinator hears of rotation beside it; undefined where nothing is rotated. */
  rotation(): RotationStanding | undefined;
}>;

const unseen: Seen = { isBlind: true, suspects: [], quarantined: [] };
const notOpen = refuse('NOT_LEADER', 'the agent only begins');

/** What `testudo quarantine list` is told. */
export type QuarantinePage = Readonly<{
  cluster: string;
  /** Whether this agent leads. Another knows nothing of what is done: no pod stands here then. */
  leads: boolean;
  /** Who leads, as the lease said last; null where nobody does, or nobody knows. */
  leader: string | null;
  /** Not all of the cluster is seen just now, or nothing was looked at yet: what is missing here may be there. */
  isBlind: boolean;
  /** Orders that lie in this agent's folder. Who does not lead follows none. */
  orders: number;
  cap: string;
  policy: Readonly<{ untilMs: number }> | Fault;
  /** Alerts that are kept in mind, of all pods. */
  alerts: number;
  /** Why the hub tells nothing just now; null while it does, and where files alone are read. */
  hubAway: Fault | null;
  breaker: Breaker['open'];
  /** Quarantines begun in the last day. */
  spent: number;
  suspects: readonly (OfPod & Omit<SeenSuspect, 'pod'>)[];
  quarantined: readonly (OfPod & Mark & Readonly<{ verdict: string | null }>)[];
}>;

type OfPod = Readonly<{ uid: string; namespace: string; pod: string }>;

/** The part, with what it reads and where it writes. Nothing is decided before `open`. */
export class Quarantine {
  readonly part: Part<unknown, DeskAction>;
  readonly #parts: QuarantineParts;
  readonly #stopping = new AbortController();
  #feeds:
    | Readonly<{
        alerts: AlertFeed;
        policy: PolicyFeed;
        orders: Orders;
        desk: Desk;
        hub: HubFollower | undefined;
        teller: Teller | undefined;
        standing: StandingTeller | undefined;
      }>
    | undefined;
  #seen: Seen = unseen;
  #proposals: KeptProposals | undefined;
  readonly #said = new Map<string, string>();

  constructor(parts: QuarantineParts) {
    this.#parts = parts;
    const { cluster, cap } = parts.config;
    const part = quarantinePart({
      inputs: (nowMs) => {
        const feeds = this.#feeds;
        if (feeds === undefined) throw new Error('quarantine: asked before it was opened');
        const { alerts, policy, orders, desk, hub } = feeds;
        return {
          ...{ cluster, cap, policy: policy.at(nowMs), sightings: alerts.sightings },
          running: hub?.running ?? [],
          ...{ orders: orders.all, memory: desk.memory, isShared: desk.isShared },
        };
      },
      perform: (action) => this.#feeds?.desk.perform(action) ?? Promise.resolve({ ...notOpen, retryAfterMs: null }),
      onSeen: (seen) => this.#look(seen),
    });
    this.part = part as Part<unknown, DeskAction>;
  }

  /** Reads what an earlier run left. */
  async open(): Promise<Result<undefined, 'DATA_KEY_MISSING' | 'DATA_KEY_MALFORMED' | 'DATA_KEY_EXPOSED'>> {
    const { config, dataDirectory, timers, log, wake, send } = this.#parts;
    const { dataKeyFile } = config;
    const source =
      dataKeyFile === undefined ? ({ kind: 'beside' } as const) : ({ kind: 'file', path: dataKeyFile } as const);
    const dataKey = await loadDataKey(source, dataDirectory);
    if (!dataKey.ok) return dataKey;
    const unreadable = (cause: string) => log.warn({ cause }, 'orders cannot be read');
    const heard = () => {
      const { leads, leader } = this.#parts;
      const idle = { orders: orders.all.length, leader: leader() };
      if (idle.orders > 0 && !leads())
        log.warn(idle, 'orders lie here that are not followed: this agent does not lead');
      wake();
    };
    const orders: Orders = new Orders(dataDirectory, timers, heard, unreadable);
    this.#proposals = KeptProposals.open(join(dataDirectory, 'response-proposals.json'), (cause) =>
      log.warn({ cause }, 'what became of earlier proposals is not kept'),
    );
    const desk = await Desk.open({
      ...{ dataDirectory, dataKey: dataKey.value, cluster: config.cluster },
      ...{ send, timers, orders, shared: this.#parts.shared, nodeCopy: nodeCopy(config.nodeHelper, timers) },
      imagesOf: (pod) => this.#parts.images?.of(pod),
      manifestOf: (track, version) => this.#feeds?.hub?.manifestOf(track, version) ?? null,
    });
    const places = {
      ...{ file: config.releases, trustFile: join(dataDirectory, 'response-trust.json') },
      keptFile: join(dataDirectory, 'response-releases.json'),
    };
    const policy = await PolicyFeed.open(places, {
      timers,
      onChange: wake,
      onRefused: ({ code, message }) => log.warn({ code, cause: message }, 'the signed set was refused'),
      onStoodIn: (setAside) => log.error({ setAside }, 'what is trusted had gone or was damaged; its copy goes on'),
    });
    const alerts = new AlertFeed(config.alerts, { timers, signal: this.#stopping.signal, onAlerts: wake });
    const hub = this.#follow(alerts, policy);
    const teller = await this.#openTeller(hub, desk);
    this.#feeds = { alerts, policy, orders, desk, hub, teller, standing: this.#openStanding(hub) };
    return ok(undefined);
  }

  /** What alerts say of each pod, by uid: for whoever rotates the most suspect first. */
  risks(facts: Facts): Facts['risks'] {
    const heard = this.#feeds?.alerts.sightings ?? [];
    const suspects = suspectsOf(heard, facts, this.#parts.timers.now());
    return new Map(suspects.map(({ pod, sightings }) => [pod.uid, riskSteps(sightings)]));
  }

  /** This agent leads no more: what it saw is of then, and the next leader counts it. */
  forget(): void {
    this.#seen = unseen;
    this.#said.clear();
    this.#parts.onCounts(this.#counts());
  }

  /** Pods that rotation leaves to quarantine, as the last look found them. */
  get claimed(): Facts['claimed'] {
    const claims = this.#seen.suspects.flatMap(({ pod: { uid }, state }) =>
      state === 'begun' || state === 'waits' ? [[uid, state] as const] : [],
    );
    return new Map(claims);
  }

  /** What stands, for `testudo quarantine list`. */
  page(): QuarantinePage {
    const { timers, config, leads, leader } = this.#parts;
    const nowMs = timers.now();
    const policy = this.#feeds?.policy.at(nowMs) ?? notOpen;
    const memory = this.#feeds?.desk.memory;
    const { isBlind, suspects, quarantined } = leads() ? this.#seen : unseen;
    return {
      cluster: config.cluster,
      ...{ leads: leads(), leader: leader(), isBlind, orders: this.#feeds?.orders.all.length ?? 0 },
      cap: config.cap,
      policy: policy.ok ? { untilMs: policy.value.expiresAtMs } : policy.fault,
      alerts: this.#feeds?.alerts.sightings.length ?? 0,
      hubAway: this.#feeds?.hub?.away ?? null,
      breaker: memory?.breaker.open ?? null,
      spent: memory?.spent.length ?? 0,
      suspects: suspects.map(({ pod, ...rest }) => ({
        uid: pod.uid,
        namespace: pod.namespace,
        pod: pod.name,
        ...rest,
      })),
      quarantined: quarantined.map(({ pod, mark }) => ({
        ...{ uid: pod.uid, namespace: pod.namespace, pod: pod.name, ...mark },
        verdict: this.#verdictOf(pod.uid),
      })),
    };
  }

  /** Nothing is read any more. May be called twice. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#feeds?.standing?.close();
    await this.#feeds?.teller?.close();
    await this.#feeds?.hub?.close();
    await this.#feeds?.alerts.closed();
    await this.#feeds?.policy.close();
    await this.#feeds?.orders.close();
    await this.#proposals?.close();
  }

  #follow(alerts: AlertFeed, policy: PolicyFeed): HubFollower | undefined {
    const { config, hub, timers, log, onHub } = this.#parts;
    if (hub === undefined) return undefined;
    return new HubFollower(
      hub.settings,
      { name: hub.name, cluster: config.cluster },
      {
        ...{ timers, unit: Math.random, rootVersion: () => policy.rootVersion },
        onAlerts: (sightings) => alerts.hear(sightings),
        onSet: (received) => policy.hear(received),
        onState: (away) => {
          onHub(away === null);
          this.#feeds?.teller?.wake();
          this.#feeds?.standing?.wake();
          if (away === null) log.info('the hub tells of alerts');
          else log.warn({ code: away.code, cause: away.message }, 'the hub is away: what is known stands');
        },
      },
    );
  }

  async #openTeller(hub: HubFollower | undefined, desk: Desk): Promise<Teller | undefined> {
    if (hub === undefined) return undefined;
    const { timers, log, dataDirectory } = this.#parts;
    const teller = await Teller.open({
      ...{ timers, log, receiptFile: join(dataDirectory, receiptFile) },
      calls: () => hub.responses,
      evidence: () => desk.evidence,
      breaker: () => ({ breaker: desk.memory.breaker, reported: desk.memory.reported ?? null }),
      onReported: (reported) => desk.reported(reported),
    });
    teller.wake();
    return teller;
  }

  #openStanding(hub: HubFollower | undefined): StandingTeller | undefined {
    const { config, timers, log } = this.#parts;
    if (hub === undefined || config.share === 'nothing') return undefined;
    return new StandingTeller({ timers, log, calls: () => hub.responses, standing: () => this.#standing() });
  }

  /** What the coordinator hears; undefined while another agent leads, or not all of the cluster is seen. */
  #standing(): TellStandingRequest | undefined {
    const { config, timers, leads, rotation } = this.#parts;
    const feeds = this.#feeds;
    if (feeds === undefined || this.#seen.isBlind || !leads()) return undefined;
    const nowMs = timers.now();
    const quarantine = standingMessage({
      ...{ counts: this.#counts(), spent: feeds.desk.memory.spent.length, cap: config.cap },
      policy: feeds.policy.at(nowMs),
      proposals: config.share === 'names' ? (this.#proposals?.all ?? []) : undefined,
    });
    return { atMs: BigInt(nowMs), quarantine, rotation: rotation() };
  }

  #counts(): QuarantineCounts {
    const desk = this.#feeds?.desk;
    return countsOf(
      this.#seen,
      (uid) => desk?.verdicts.get(uid)?.verdict,
      (desk?.memory.breaker.open ?? null) !== null,
    );
  }

  #verdictOf(uid: string): string | null {
    const isolation = this.#feeds?.desk.verdicts.get(uid);
    return isolation === undefined ? null : isolationText(isolation);
  }

  #look(seen: Seen): void {
    const { log, onCounts } = this.#parts;
    this.#seen = seen;
    this.#proposals?.look(seen, this.#feeds?.orders.all ?? [], this.#parts.timers.now());
    this.#feeds?.teller?.wake();
    this.#feeds?.standing?.wake();
    const now = new Set<string>();
    /** Once for each change: a look comes with every event of the cluster. */
    const say = (key: string, text: string, speak: () => void) => {
      now.add(key);
      if (this.#said.get(key) === text) return;
      this.#said.set(key, text);
      speak();
    };
    for (const { pod, workload, state, because, risk } of seen.suspects) {
      const of = { namespace: pod.namespace, pod: pod.name, uid: pod.uid, workload };
      say(pod.uid, `${state} ${because}`, () => log.warn({ ...of, state, because, risk }, 'a pod is suspect'));
    }
    for (const { pod, mark } of seen.quarantined) {
      const of = { namespace: pod.namespace, pod: pod.name, uid: pod.uid, evidence: mark.evidence };
      const text = this.#verdictOf(pod.uid) ?? 'not judged yet';
      say(pod.uid, text, () =>
        log.warn({ ...of, verdict: text, until: new Date(mark.untilMs) }, 'a pod is in quarantine'),
      );
    }
    const open = this.#feeds?.desk.memory.breaker.open ?? null;
    if (open !== null) {
      say('breaker', open.why, () => log.error({ code: 'RESPONSE_BREAKER_OPEN', ...open }, 'nothing is done any more'));
    }
    for (const key of this.#said.keys()) if (!now.has(key)) this.#said.delete(key);
    onCounts(this.#counts());
  }
}
