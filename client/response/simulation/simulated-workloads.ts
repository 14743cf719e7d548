import type { Random } from '../../../base/random.ts';
import type { Budget, Deployment } from './simulated-objects.ts';
import type { SimulatedWorld } from './simulated-world.ts';

const pick = <Item>(from: readonly Item[], random: Random): Item => from[Math.floor(random() * from.length)] as Item;
const namespace = 'shop';
/** Of the workloads, of which there are three at least, the one whose pods have data that would go with them. By its name: no draw is another. */
const withLocalData = /^app-2\b/;

/** A few of everything: Deployments that surge and that do not, StatefulSets, bare pods, with budgets, with two, without. */
export function populate(world: SimulatedWorld, random: Random): void {
  const { objects } = world;
  world.localDataOf = (name) => (withLocalData.test(name) ? 'emptyDir' : null);
  for (let at = 0; at < 4; at += 1) {
    const node = { uid: `node-${at}`, name: `node-${at}`, isCordoned: false };
    objects.nodes.set(node.name, node);
    world.wrote('nodes', node.name);
  }
  const count = 3 + Math.floor(random() * 5);
  for (let at = 0; at < count; at += 1) {
    const name = `app-${at}`;
    const replicas = 1 + Math.floor(random() * 4);
    const kind = pick(['surge', 'surge', 'recreate', 'stateful'] as const, random);
    if (kind === 'stateful') addStatefulSet(world, name, replicas);
    else addDeployment(world, name, replicas, kind === 'surge');
    const budget = pick(['none', 'min', 'max', 'all', 'two'] as const, random);
    if (budget === 'min') addBudget(world, name, name, { min: Math.max(1, replicas - 1) });
    if (budget === 'max') addBudget(world, name, name, { maxUnavailable: 1 });
    if (budget === 'all') addBudget(world, name, name, { min: replicas });
    if (budget === 'two')
      for (const suffix of ['a', 'b']) addBudget(world, `${name}-${suffix}`, name, { maxUnavailable: 1 });
  }
  world.addPod({ namespace, name: 'bare', labels: { app: 'bare' } });
  const daemon = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'daemon', uid: 'daemon' };
  world.addPod({ namespace, name: 'daemon', labels: { app: 'daemon' }, owner: daemon });
  const unknown = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'canary', uid: 'canary' };
  world.addPod({ namespace, name: 'canary', labels: { app: 'canary' }, owner: unknown });
  world.addPod({ namespace, name: 'kept', labels: { 'testudo.io/quarantined': 'true' } });
}

export function addDeployment(world: SimulatedWorld, name: string, replicas: number, canSurge: boolean): Deployment {
  const deployment: Deployment = {
    ...{ uid: world.unique('deployment'), namespace, name, replicas, generation: 1, observedGeneration: 0 },
    ...{ isDeleting: false, updatedReplicas: 0, availableReplicas: 0, isPaused: false, canSurge, isProgressing: true },
    ...{ growth: 'ready', hasBudget: false },
  };
  world.objects.deployments.set(deployment.uid, deployment);
  addReplicaSet(world, deployment);
  world.wrote('deployments', deployment.uid);
  return deployment;
}

/** A new template: what a rollout begins with. */
export function addReplicaSet(world: SimulatedWorld, { uid, name }: Deployment): void {
  const hash = world.unique('h').replaceAll('-', '');
  const set = {
    ...{
      uid: world.unique('set'),
      namespace,
      name: `${name}-${hash}`,
      replicas: 0,
      generation: 1,
      observedGeneration: 0,
    },
    ...{ isDeleting: false, minReadySeconds: 0, templateHash: hash },
    owner: { apiVersion: 'apps/v1', kind: 'Deployment', name, uid },
  };
  world.objects.replicaSets.set(set.uid, set);
  world.wrote('replicaSets', set.uid);
}

export function addStatefulSet(world: SimulatedWorld, name: string, replicas: number): void {
  const uid = world.unique('stateful');
  world.objects.statefulSets.set(uid, {
    ...{ uid, namespace, name, replicas, generation: 1, observedGeneration: 0, isDeleting: false },
    ...{ minReadySeconds: 0, currentRevision: 'r1', updateRevision: 'r1', growth: 'ready' },
  });
  world.wrote('statefulSets', uid);
}

export function addBudget(
  world: SimulatedWorld,
  name: string,
  app: string,
  { min = null, maxUnavailable = null }: Partial<Pick<Budget, 'min' | 'maxUnavailable'>>,
): void {
  const uid = world.unique('budget');
  world.objects.budgets.set(uid, {
    ...{ uid, namespace, name, selector: { matchLabels: { app }, matchExpressions: [] }, isCurrent: false },
    ...{ disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, min, maxUnavailable, disrupted: new Map() },
  });
  world.wrote('budgets', uid);
}
