import { ok } from '../../../base/fault.ts';
import { type Random, seededRandom } from '../../../base/random.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import type { Timers } from '../../../base/time.ts';
import { parseClusterId } from '../../../proto/ids.ts';
import { firstResponsePolicy, type ResponsePolicy } from '../../../proto/response-policy.ts';
import type { Done } from '../cluster/cluster.ts';
import { closedBreaker } from '../ladder/breaker.ts';
import { spend } from '../ladder/budget.ts';
import type { Sighting } from '../ladder/sighting.ts';
import type { DeskAction } from '../quarantine/desk.ts';
import type { Memory } from '../quarantine/memory.ts';
import { quarantinePart } from '../quarantine/part.ts';
import { sighting } from './sightings.ts';
import { SimulatedAgent } from './simulated-agent.ts';
import { honest, type Lies, SimulatedApi } from './simulated-api.ts';
import { populate } from './simulated-workloads.ts';
import { SimulatedWorld } from './simulated-world.ts';

const minuteMs = 60_000;
const mark = 'testudo.io/quarantined';

/** What is on disk: it outlives the agent. Writing takes time, and an agent that dies meanwhile has written or has not. */
class SimulatedDisk {
  memory: Memory = { spent: [], breaker: closedBreaker, begun: [] };
  readonly evidence = new Map<string, string>();
  readonly #world: SimulatedWorld;

  constructor(world: SimulatedWorld) {
    this.#world = world;
  }

  async perform(action: DeskAction, isAlive: () => boolean): Promise<Done> {
    const { timers, random } = this.#world;
    const write = () => new Promise<void>((resolve) => void timers.after(1 + random() * 200, resolve));
    const done = { ...ok(null), retryAfterMs: null };
    await write();
    if (!isAlive()) return done;
    if (action.do === 'breaker') this.memory = { ...this.memory, breaker: action.breaker };
    if (action.do === 'forget') {
      const begun = this.memory.begun.filter(({ uid }) => !action.uids.includes(uid));
      this.memory = { ...this.memory, begun };
    }
    if (action.do !== 'record') return done;
    const { uid, namespace } = action.pod;
    const evidence = `sha256:${this.#world.unique('evidence')}`;
    this.evidence.set(evidence, uid);
    await write();
    if (!isAlive()) return done;
    const atMs = timers.now();
    const spent = spend(this.memory.spent, { uid, atMs, namespace, workload: action.workload });
    const begun = [...this.memory.begun.filter((one) => one.uid !== uid), { uid, atMs, evidence, alerts: [] }];
    this.memory = { ...this.memory, spent, begun };
    return done;
  }
}

const turns = 30;

/** A cluster whose pods become suspect, and its agent, for whoever lets time pass. */
export class QuarantineHistory {
  readonly #timers: Timers;
  readonly #random: Random;
  readonly #world: SimulatedWorld;
  readonly #api: SimulatedApi;
  readonly #disk: SimulatedDisk;
  readonly #sightings: Sighting[] = [];
  readonly #wrong = new Set<string>();
  readonly #marked = new Map<string, number>();
  #policy: ResponsePolicy | undefined;
  #lies = false;
  #generation = 0;
  #agent: SimulatedAgent | undefined;

  /** Everything stands two minutes later. */
  constructor(timers: Timers, random: Random) {
    this.#timers = timers;
    this.#random = random;
    this.#world = new SimulatedWorld(timers, random);
    this.#api = new SimulatedApi(this.#world);
    populate(this.#world, random);
    this.#disk = new SimulatedDisk(this.#world);
  }

  begin(): void {
    const random = this.#random;
    const share = () => (random() < 0.5 ? 0 : random() * 0.08);
    this.#lies = random() < 0.7;
    if (this.#lies) this.#api.lies = Object.fromEntries(Object.keys(honest).map((name) => [name, share()])) as Lies;
    const first = firstResponsePolicy(this.#timers.now());
    this.#policy = {
      ...first,
      level: 'enforce',
      evidence: { ...first.evidence, falseActionsPerDay: 10_000 },
      breaker: { withinMs: minuteMs, workloadsMax: 10_000, podShareMax: 1 },
      budgets: { workload: { hour: 2, day: 6 }, namespace: { hour: 6, day: 20 }, cluster: { hour: 5, day: 18 } },
      keepForMs: 20 * minuteMs,
    };
    this.#api.onDeed = ({ does, pod }) => {
      const isKnown = this.#disk.memory.spent.some(({ uid }) => uid === pod.uid);
      if (!isKnown) this.#wrong.add(`${does} of ${pod.name}: nothing of it is on disk`);
      if (does === 'patch') this.#marked.set(pod.uid, (this.#marked.get(pod.uid) ?? 0) + 1);
      // Where every answer is true, nobody has to ask again.
      if (does === 'evict' && pod.isDeleting && !this.#lies) this.#wrong.add(`${pod.name} was evicted twice`);
      if (does === 'evict' && pod.labels[mark] === undefined && pod.owner?.kind !== 'StatefulSet') {
        this.#wrong.add(`${pod.name} was evicted out of its workload`);
      }
    };
    this.#world.onChange = () => this.#checkTruth();
    this.#agent = this.#agentNow();
  }

  /** A pod becomes suspect by two tracks; gives how long until the next fault may come, in milliseconds. */
  suspect(): number {
    const random = this.#random;
    const pods = [...this.#world.objects.pods.values()].filter(({ labels }) => labels[mark] === undefined);
    const pod = pods[Math.floor(random() * pods.length)];
    if (pod !== undefined) {
      const of = { namespace: pod.namespace, pod: pod.name, workload: 'said', atMs: this.#timers.now() };
      for (const track of ['syscall', 'flow']) {
        this.#sightings.push(sighting({ ...of, track, id: this.#world.unique('a') }));
      }
    }
    return this.#world.between(100, 3 * minuteMs);
  }

  fault(): void {
    const fault = this.#random();
    if (fault < 0.3) {
      this.#agent?.kill();
      this.#agent = this.#agentNow();
    } else if (fault < 0.4) this.#agent?.cut(this.#world.between(1_000, minuteMs), 500);
  }

  /** Nothing new is suspect, and nothing lies: what was begun comes to its end within forty minutes. */
  calm(): void {
    this.#sightings.length = 0;
    this.#api.lies = honest;
  }

  end(): void {
    this.#agent?.kill();
  }

  /** What was broken so far. */
  get broken(): string | undefined {
    return this.#wrong.values().next().value;
  }

  verdict() {
    const wrong = [...this.#wrong];
    const { objects } = this.#world;
    for (const [uid, times] of this.#marked) {
      if (times > 1) wrong.push(`${uid} was put into quarantine ${times} times`);
    }
    const left = [...objects.pods.values()].filter(({ labels, name }) => labels[mark] && name !== 'kept');
    if (left.length > 0) wrong.push(`${left.map(({ name }) => name).join()} stayed beyond its time`);
    for (const name of ['bare', 'daemon', 'canary', 'kept']) {
      const pod = [...objects.pods.values()].find((one) => one.name === name);
      if (pod === undefined || this.#api.deeds.some((deed) => deed.pod.uid === pod.uid)) {
        wrong.push(`${name} was touched`);
      }
    }
    return {
      wrong: [...wrong, ...(this.#agent?.failures.map(String) ?? [])],
      marked: this.#marked.size,
      spent: this.#disk.memory.spent.length,
    };
  }

  #checkTruth(): void {
    const { memory, evidence: kept } = this.#disk;
    for (const pod of this.#world.objects.pods.values()) {
      if (pod.labels[mark] === undefined || pod.name === 'kept') continue;
      const evidence = pod.annotations['testudo.io/evidence'] ?? '';
      if (Object.keys(pod.labels).length !== 1 || kept.get(evidence) !== pod.uid) {
        this.#wrong.add(`${pod.name} is in quarantine by half`);
      }
    }
    for (const span of ['hour', 'day'] as const) {
      const sinceMs = this.#timers.now() - (span === 'hour' ? 60 : 1_440) * minuteMs;
      const count = memory.spent.filter(({ atMs }) => atMs > sinceMs).length;
      const most = (this.#policy as ResponsePolicy).budgets.cluster[span];
      if (count > most) this.#wrong.add(`${count} quarantines in a ${span}`);
    }
  }

  #agentNow(): SimulatedAgent {
    this.#generation += 1;
    const mine = this.#generation;
    const part = quarantinePart({
      inputs: () => ({
        ...{ cluster: parseClusterId('eu-1'), cap: 'enforce', policy: ok(this.#policy as ResponsePolicy) },
        ...{ sightings: this.#sightings, running: [], orders: [], memory: this.#disk.memory, isShared: true },
      }),
      perform: (action) => this.#disk.perform(action, () => mine === this.#generation),
      onSeen: () => undefined,
    });
    // biome-ignore lint/suspicious/noExplicitAny: actions of its own are the part's business.
    return new SimulatedAgent(this.#world, this.#api, `agent-${mine}`, [part as any], false);
  }
}

/** One history of a simulated cluster under quarantine: what is in it and what goes wrong comes from its seed alone. */
export async function quarantineHistory(seed: number) {
  const timers = new SimulatedTimers();
  const history = new QuarantineHistory(timers, seededRandom(seed));
  await timers.advance(2 * minuteMs);
  history.begin();
  for (let turn = 0; turn < turns; turn += 1) {
    await timers.advance(history.suspect());
    history.fault();
  }
  history.calm();
  await timers.advance(40 * minuteMs);
  history.end();
  return history.verdict();
}
