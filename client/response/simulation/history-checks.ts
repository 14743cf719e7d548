import type { Random } from '../../../base/random.ts';
import type { Facts } from '../cluster/facts.ts';
import { begunOn } from '../rotation/marks.ts';
import type { Seen } from '../rotation/rotation.ts';
import type { RotationConfig } from '../rotation/rotation-config.ts';
import type { SimulatedApi } from './simulated-api.ts';
import type { Budget } from './simulated-objects.ts';
import { addReplicaSet } from './simulated-workloads.ts';
import type { SimulatedWorld } from './simulated-world.ts';

export type Verdict = Readonly<{
  /** What must not have happened, each once, with its moment. */
  violations: readonly string[];
  rotations: Readonly<{ surge: number; evict: number }>;
  putBack: number;
  calls: Readonly<{ patch: number; evict: number }>;
  /** Instants at which pods were older than the bound, by reason. */
  overBound: ReadonlyMap<string, number>;
}>;

/** Kinds that nobody may touch, by the label `app` of their pods. */
const untouchable = new Set(['bare', 'daemon', 'canary']);

/**
 * Holds a history to what rotation promises, on the truth of the simulated cluster rather than on what the agent sees, and
 * does to the cluster what others do to it.
 */
export function checkHistory(world: SimulatedWorld, api: SimulatedApi, config: RotationConfig, isInvoluntary: boolean) {
  const { objects, timers } = world;
  const violations = new Map<string, string>();
  const rotations = { surge: 0, evict: 0 };
  let putBack = 0;
  const overBound = new Map<string, number>();
  const named = new Set<string>();
  const boundMs = config.maxLifetimeMinutes * 60_000;
  const startMs = timers.now();
  const violated = (what: string, detail = '') => {
    if (!violations.has(what)) violations.set(what, `${what} ${detail} at ${(timers.now() - startMs) / 1_000} s`);
  };
  const podsOf = (app: string) => [...objects.pods.values()].filter(({ labels }) => labels.app === app);
  const readyOf = (app: string) => podsOf(app).filter(({ isReady, isDeleting }) => isReady && !isDeleting).length;

  const floorOf = (app: string): Readonly<{ floor: number; why: string }> | undefined => {
    const deployment = [...objects.deployments.values()].find(({ name }) => name === app);
    const stateful = [...objects.statefulSets.values()].find(({ name }) => name === app);
    const replicas = deployment?.replicas ?? stateful?.replicas;
    if (replicas === undefined) return undefined;
    if (deployment?.canSurge) return { floor: replicas, why: 'capacity lost in surge mode' };
    const budget = [...objects.budgets.values()].find(({ selector }) => selector?.matchLabels.app === app);
    if (budget === undefined) return { floor: Math.max(1, replicas - 1), why: 'below the floor' };
    return { floor: budget.min ?? replicas - (budget.maxUnavailable ?? 0), why: 'below the budget' };
  };

  /** Workloads that had what they need once: from there on they never have less. */
  const settled = new Set<string>();
  world.onChange = () => {
    if (isInvoluntary) return;
    for (const { name } of [...objects.deployments.values(), ...objects.statefulSets.values()]) {
      const of = floorOf(name);
      if (of === undefined) continue;
      if (readyOf(name) >= of.floor) settled.add(name);
      else if (settled.has(name)) violated(of.why, `${name}: ${readyOf(name)} of ${of.floor}`);
    }
    const released = [...objects.pods.values()].filter((pod) => begunOn(pod) !== undefined).length;
    if (released > config.maxInFlight.cluster) violated('more in flight than may be', String(released));
  };

  api.onDeed = ({ does, pod }) => {
    const app = pod.labels.app ?? '';
    if (untouchable.has(app) || pod.labels['testudo.io/quarantined'] !== undefined)
      violated('touched what it must not', pod.name);
    if (pod.localData !== null && config.localData === 'skip') violated('took local data', pod.name);
    if (does === 'patch') {
      if (begunOn(pod) !== undefined) putBack += 1;
      return;
    }
    if (pod.isDeleting) return; // Asked again after an answer that said nothing.
    if (!isInvoluntary && (pod.phase !== 'Running' || !pod.isReady)) violated('evicted what was not ready', pod.name);
    rotations[begunOn(pod) === undefined ? 'evict' : 'surge'] += 1;
  };

  const pick = <Item>(from: Iterable<Item>, random: Random): Item | undefined => {
    const all = [...from];
    return all[Math.floor(random() * all.length)];
  };

  return {
    seen({ waits, breaches }: Seen, facts: Facts, now: number): void {
      for (const { pod, reason } of waits) if (reason !== 'ROTATING') named.add(pod.uid);
      for (const { reason } of breaches) overBound.set(reason, (overBound.get(reason) ?? 0) + 1);
      const reasons = new Map(breaches.map(({ pod, reason }) => [pod.uid, reason]));
      for (const pod of facts.pods.values()) {
        if (now - pod.createdAtMs <= boundMs) continue;
        const reason = reasons.get(pod.uid);
        if (reason === undefined) violated('older than the bound without a reason', pod.name);
        // That it is under way explains nothing by itself: something must have kept it from being in time.
        else if (reason === 'ROTATING' && !named.has(pod.uid))
          violated('older than the bound though nothing kept it', pod.name);
      }
    },
    rollOut(random: Random): void {
      const deployment = pick(objects.deployments.values(), random);
      if (deployment === undefined || deployment.growth !== 'ready') return;
      deployment.generation += 1;
      addReplicaSet(world, deployment);
      world.wrote('deployments', deployment.uid);
    },
    changeGrowth(random: Random): void {
      const deployment = pick(objects.deployments.values(), random);
      if (deployment !== undefined)
        deployment.growth = pick(['ready', 'ready', 'never ready', 'refused'] as const, random) ?? 'ready';
    },
    changeBudget(random: Random): void {
      const budget = pick(objects.budgets.values(), random) as Budget | undefined;
      if (budget === undefined) return;
      // Somebody asks for less and a controller has still to look: what it said before is not of this generation.
      budget.isCurrent = false;
      world.wrote('budgets', budget.uid);
    },
    crashPod(random: Random): void {
      const pod = pick(objects.pods.values(), random);
      if (pod === undefined || pod.isDeleting) return;
      pod.isReady = false;
      pod.readySinceMs = null;
      world.wrote('pods', pod.uid);
    },
    cordon(random: Random): void {
      const node = pick(objects.nodes.values(), random);
      if (node === undefined) return;
      node.isCordoned = !node.isCordoned;
      world.wrote('nodes', node.name);
    },
    scale(random: Random): void {
      const deployment = pick(objects.deployments.values(), random);
      if (deployment === undefined) return;
      deployment.replicas = Math.floor(random() * 5);
      deployment.generation += 1;
      world.wrote('deployments', deployment.uid);
    },
    heal(): void {
      for (const deployment of objects.deployments.values()) deployment.growth = 'ready';
      for (const node of objects.nodes.values()) node.isCordoned = false;
      for (const node of objects.nodes.values()) world.wrote('nodes', node.name);
    },
    broken: (): string | undefined => violations.values().next().value,
    verdict(failures: readonly unknown[]): Verdict {
      for (const error of failures) violated('a part threw', String(error));
      const half = [...objects.pods.values()].filter((pod) => begunOn(pod) !== undefined && !pod.isDeleting);
      for (const pod of half) violated('left half rotated', pod.name);
      return { violations: [...violations.values()], rotations, putBack, calls: api.calls, overBound };
    },
  };
}
