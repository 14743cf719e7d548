import { ok } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
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

/** One history of a simulated cluster under quarantine: what is in it and what goes wrong comes from its seed alone. */
export async function quarantineHistory(seed: number) {
  const random = seededRandom(seed);
  const timers = new SimulatedTimers();
  const world = new SimulatedWorld(timers, random);
  const api = new SimulatedApi(world);
  populate(world, random);
  await timers.advance(2 * minuteMs);
  const share = () => (random() < 0.5 ? 0 : random() * 0.08);
  const lies = random() < 0.7;
  if (lies) api.lies = Object.fromEntries(Object.keys(honest).map((name) => [name, share()])) as Lies;
  const first = firstResponsePolicy(timers.now());
  const policy: ResponsePolicy = {
    ...first,
    level: 'enforce',
    evidence: { ...first.evidence, falseActionsPerDay: 10_000 },
    breaker: { withinMs: minuteMs, workloadsMax: 10_000, podShareMax: 1 },
    budgets: { workload: { hour: 2, day: 6 }, namespace: { hour: 6, day: 20 }, cluster: { hour: 5, day: 18 } },
    keepForMs: 20 * minuteMs,
  };
  const disk = new SimulatedDisk(world);
  const sightings: Sighting[] = [];
  const wrong: string[] = [];
  const marked = new Map<string, number>();
  api.onDeed = ({ does, pod }) => {
    const isKnown = disk.memory.spent.some(({ uid }) => uid === pod.uid);
    if (!isKnown) wrong.push(`${does} of ${pod.name}: nothing of it is on disk`);
    if (does === 'patch') marked.set(pod.uid, (marked.get(pod.uid) ?? 0) + 1);
    // Where every answer is true, nobody has to ask again.
    if (does === 'evict' && pod.isDeleting && !lies) wrong.push(`${pod.name} was evicted twice`);
    if (does === 'evict' && pod.labels[mark] === undefined && pod.owner?.kind !== 'StatefulSet') {
      wrong.push(`${pod.name} was evicted out of its workload`);
    }
  };
  world.onChange = () => {
    for (const pod of world.objects.pods.values()) {
      if (pod.labels[mark] === undefined || pod.name === 'kept') continue;
      const evidence = pod.annotations['testudo.io/evidence'] ?? '';
      if (Object.keys(pod.labels).length !== 1 || disk.evidence.get(evidence) !== pod.uid) {
        wrong.push(`${pod.name} is in quarantine by half`);
      }
    }
    for (const span of ['hour', 'day'] as const) {
      const sinceMs = timers.now() - (span === 'hour' ? 60 : 1_440) * minuteMs;
      const count = disk.memory.spent.filter(({ atMs }) => atMs > sinceMs).length;
      if (count > policy.budgets.cluster[span]) wrong.push(`${count} quarantines in a ${span}`);
    }
  };
  let generation = 0;
  const agentNow = () => {
    const mine = ++generation;
    const part = quarantinePart({
      inputs: () => ({
        ...{ cluster: parseClusterId('eu-1'), cap: 'enforce', policy: ok(policy) },
        ...{ sightings, running: [], orders: [], memory: disk.memory, isShared: true },
      }),
      perform: (action) => disk.perform(action, () => mine === generation),
      onSeen: () => undefined,
    });
    // biome-ignore lint/suspicious/noExplicitAny: actions of its own are the part's business.
    return new SimulatedAgent(world, api, `agent-${mine}`, [part as any], false);
  };
  let agent = agentNow();
  for (let turn = 0; turn < 30; turn += 1) {
    const pods = [...world.objects.pods.values()].filter(({ labels }) => labels[mark] === undefined);
    const pod = pods[Math.floor(random() * pods.length)];
    if (pod !== undefined) {
      const of = { namespace: pod.namespace, pod: pod.name, workload: 'said', atMs: timers.now() };
      for (const track of ['syscall', 'flow']) sightings.push(sighting({ ...of, track, id: world.unique('a') }));
    }
    await timers.advance(world.between(100, 3 * minuteMs));
    const fault = random();
    if (fault < 0.3) {
      agent.kill();
      agent = agentNow();
    } else if (fault < 0.4) agent.cut(world.between(1_000, minuteMs), 500);
  }
  // Nothing new is suspect, and nothing lies: what was begun comes to its end.
  sightings.length = 0;
  api.lies = honest;
  await timers.advance(40 * minuteMs);
  agent.kill();
  for (const [uid, times] of marked) if (times > 1) wrong.push(`${uid} was put into quarantine ${times} times`);
  const left = [...world.objects.pods.values()].filter(({ labels, name }) => labels[mark] && name !== 'kept');
  if (left.length > 0) wrong.push(`${left.map(({ name }) => name).join()} stayed beyond its time`);
  for (const name of ['bare', 'daemon', 'canary', 'kept']) {
    const pod = [...world.objects.pods.values()].find((one) => one.name === name);
    if (pod === undefined || api.deeds.some((deed) => deed.pod.uid === pod.uid)) wrong.push(`${name} was touched`);
  }
  return {
    wrong: [...new Set(wrong), ...agent.failures.map(String)],
    marked: marked.size,
    spent: disk.memory.spent.length,
  };
}
