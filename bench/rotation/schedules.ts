/**
 * The same simulated cluster under several ways of replacing pods, each with the same mean lifetime: what they cost its
 * services, and how long a pod lives under each.
 */
import { type Random, seededRandom } from '../../base/random.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { rotationPart } from '../../client/response/rotation/rotation.ts';
import { type RotationConfig, rotationConfig } from '../../client/response/rotation/rotation-config.ts';
import { makeSchedule } from '../../client/response/rotation/schedule.ts';
import { SimulatedAgent } from '../../client/response/simulation/simulated-agent.ts';
import { SimulatedApi } from '../../client/response/simulation/simulated-api.ts';
import type { Pod } from '../../client/response/simulation/simulated-objects.ts';
import { addBudget, addDeployment, addStatefulSet } from '../../client/response/simulation/simulated-workloads.ts';
import { SimulatedWorld } from '../../client/response/simulation/simulated-world.ts';

export type Kind = 'Deployment, surge' | 'Deployment, evict' | 'StatefulSet' | 'one replica, minAvailable 1';

/** Who replaces pods. The last three are done as the tools that are named do it, without what else those do. */
export type Actor =
  | 'ours, bound 60'
  | 'ours, bound 120'
  /** Phoenix: deletes each pod 20 to 40 minutes after it came; no budget is asked. */
  | 'delete at 20-40 min'
  /** descheduler's PodLifeTime: every 5 minutes, all older than 30 are evicted, as their budgets allow. */
  | 'evict by age 30 min'
  /** chaoskube: a pod by chance at each interval is deleted. */
  | 'delete one at an interval';

export type Outcome = Readonly<{
  rotations: number;
  /** Instants at which fewer were ready than the budget asks for. */
  below: number;
  /** Seconds, summed over workloads, in which fewer were ready than the workload wants. */
  lostSeconds: number;
  workloadHours: number;
  callsPerRotation: number;
  /** Milliseconds from when a pod was ready, before which nobody can be in it, to when it was told to end. */
  ranMs: readonly number[];
}>;

const minuteMs = 60_000;
const namespace = 'shop';

export async function rotateUnder(actor: Actor, kind: Kind, rotations: number, seed: number): Promise<Outcome> {
  const random = seededRandom(seed);
  const timers = new SimulatedTimers();
  const world = new SimulatedWorld(timers, random);
  const api = new SimulatedApi(world);
  for (let at = 0; at < 4; at += 1) {
    world.objects.nodes.set(`node-${at}`, { uid: `node-${at}`, name: `node-${at}`, isCordoned: false });
    world.wrote('nodes', `node-${at}`);
  }
  const replicas = kind === 'one replica, minAvailable 1' ? 1 : 3;
  const apps = Array.from({ length: 8 }, (_, at) => `app-${at}`);
  for (const app of apps) {
    if (kind === 'StatefulSet') addStatefulSet(world, app, replicas);
    else addDeployment(world, app, replicas, kind !== 'Deployment, evict');
    addBudget(world, app, app, replicas === 1 ? { min: 1 } : { maxUnavailable: 1 });
  }
  await timers.advance(3 * minuteMs);
  const floor = replicas === 1 ? 1 : replicas - 1;
  const count = new Counted(world, apps, replicas, floor);
  const startMs = timers.now();
  const stop = actor.startsWith('ours') ? startOurs(world, api, actor, seed) : startTheirs(world, api, actor, random);
  while (count.ended < rotations) await timers.advance(10 * minuteMs);
  stop();
  count.look();
  const { patch, evict } = api.calls;
  return {
    rotations: count.ended,
    below: count.below,
    lostSeconds: count.lostMs / 1_000,
    workloadHours: ((timers.now() - startMs) / 3_600_000) * apps.length,
    callsPerRotation: (patch + evict) / count.ended,
    ranMs: count.ranMs,
  };
}

/** Looks after each change of anything: nothing between two changes is other than after the first. */
class Counted {
  below = 0;
  lostMs = 0;
  ended = 0;
  readonly ranMs: number[] = [];
  readonly #world: SimulatedWorld;
  readonly #apps: readonly string[];
  readonly #replicas: number;
  readonly #floor: number;
  readonly #known = new Map<string, Pod>();
  #lastMs: number;
  #lacking = 0;

  constructor(world: SimulatedWorld, apps: readonly string[], replicas: number, floor: number) {
    this.#world = world;
    this.#apps = apps;
    this.#replicas = replicas;
    this.#floor = floor;
    this.#lastMs = world.timers.now();
    for (const pod of world.objects.pods.values()) this.#known.set(pod.uid, pod);
    world.onChange = () => this.look();
  }

  look(): void {
    const { objects, timers } = this.#world;
    const now = timers.now();
    this.lostMs += this.#lacking * (now - this.#lastMs);
    this.#lastMs = now;
    const ready = new Map(this.#apps.map((app) => [app, 0]));
    for (const pod of objects.pods.values()) {
      if (!this.#known.has(pod.uid)) this.#known.set(pod.uid, pod);
      const app = pod.labels.app ?? '';
      if (pod.isReady && !pod.isDeleting) ready.set(app, (ready.get(app) ?? 0) + 1);
    }
    for (const [uid, pod] of this.#known) {
      // Its end begins when it is told to go: from then on nobody sends it anything.
      if (objects.pods.has(uid) && !pod.isDeleting) continue;
      this.#known.delete(uid);
      if (this.#seen.has(uid)) continue;
      this.#seen.add(uid);
      this.ended += 1;
      if (pod.readySinceMs !== null) this.ranMs.push(now - pod.readySinceMs);
    }
    this.#lacking = 0;
    for (const count of ready.values()) {
      if (count < this.#floor) this.below += 1;
      if (count < this.#replicas) this.#lacking += 1;
    }
  }

  readonly #seen = new Set<string>();
}

function startOurs(world: SimulatedWorld, api: SimulatedApi, actor: Actor, seed: number): () => void {
  const bound = actor === 'ours, bound 60' ? 60 : 120;
  // What a replacement may take is part of the bound: the draw's own bound is what the name says.
  const config: RotationConfig = rotationConfig.parse({
    ...{ mode: 'rotate', maxLifetimeMinutes: bound + 2, meanLifetimeMinutes: 30, replacementSecondsMax: 120 },
    ...{ settleSeconds: 0, maxInFlight: { workload: 1, node: 8, cluster: 8 } },
  });
  const schedule = makeSchedule(Buffer.alloc(32, seed), config);
  const agent = new SimulatedAgent(
    world,
    api,
    'agent',
    [rotationPart({ config, schedule, isPaused: () => false })],
    false,
  );
  return () => agent.kill();
}

function startTheirs(world: SimulatedWorld, api: SimulatedApi, actor: Actor, random: Random): () => void {
  const { timers, objects } = world;
  let isOver = false;
  const send = api.sendAs('other');
  const evict = (pod: Pod) => {
    const path = `/api/v1/namespaces/${namespace}/pods/${pod.name}/eviction`;
    const deleteOptions = { preconditions: { uid: pod.uid } };
    void send({ method: 'POST', path, body: { deleteOptions } });
  };
  if (actor === 'delete at 20-40 min') {
    const due = new Map<string, number>();
    const look = () => {
      if (isOver) return;
      for (const pod of objects.pods.values()) {
        if (!due.has(pod.uid)) due.set(pod.uid, pod.createdAtMs + (20 + random() * 20) * minuteMs);
        if (timers.now() >= (due.get(pod.uid) as number)) world.end(pod);
      }
      timers.after(1_000, look);
    };
    look();
  } else if (actor === 'evict by age 30 min') {
    const look = () => {
      if (isOver) return;
      for (const pod of objects.pods.values())
        if (!pod.isDeleting && timers.now() - pod.createdAtMs >= 30 * minuteMs) evict(pod);
      timers.after(5 * minuteMs, look);
    };
    look();
  } else {
    const look = () => {
      if (isOver) return;
      const pods = [...objects.pods.values()].filter(({ isDeleting }) => !isDeleting);
      const pod = pods[Math.floor(random() * pods.length)];
      if (pod !== undefined) world.end(pod);
      // So often that a pod lives for 30 minutes in the mean.
      timers.after((30 * minuteMs) / Math.max(1, pods.length), look);
    };
    look();
  }
  return () => {
    isOver = true;
  };
}
