import type { BudgetFact, DeploymentFact, Facts, PodFact, ReplicaSetFact } from '../cluster/facts.ts';
import { selects } from '../cluster/selector.ts';
import { begunOn, failedOn, templateHash } from './marks.ts';

/** What keeps so many pods alike. */
export type Workload = Readonly<{
  uid: string;
  kind: 'Deployment' | 'ReplicaSet' | 'StatefulSet';
  namespace: string;
  name: string;
  /** surge: it accepts one pod more while one is replaced. evict: one less. */
  mode: 'surge' | 'evict';
  desired: number;
  /** Its own pods, without those that were released from it, and with those that were put back and are not adopted yet. */
  pods: readonly PodFact[];
  /** Of these, pods that are ready for as long as it asks for, and stay. */
  readyCount: number;
  /** No rollout is under way, and its controller has seen what it shall do. */
  isQuiet: boolean;
  /** Where it has one: the only ReplicaSet that has pods. */
  activeSet: ReplicaSetFact | null;
}>;

type Draft = { workload: Omit<Workload, 'pods' | 'readyCount'>; pods: PodFact[]; minReadySeconds: number };

/** All workloads that rotation knows how to treat, by uid, and of each pod which it is of. */
export function workloadsOf(facts: Facts, now: number) {
  const drafts = new Map<string, Draft>();
  const byOwner = new Map<string, Draft>();
  const setsOf = new Map<string, ReplicaSetFact[]>();
  const byHash = new Map<string, Draft>();
  for (const set of facts.replicaSets.values()) {
    const owner = set.owner;
    if (owner === null)
      add(drafts, byOwner, set, { kind: 'ReplicaSet', mode: 'evict', isQuiet: isSeen(set), activeSet: set });
    else if (isDeployment(owner)) append(setsOf, owner.uid, set);
  }
  for (const deployment of facts.deployments.values()) {
    const sets = setsOf.get(deployment.uid) ?? [];
    const active = sets.filter(({ replicas }) => replicas > 0);
    const [activeSet = null] = active.length === 1 ? active : [];
    const mode = deployment.canSurge ? 'surge' : 'evict';
    const isQuiet = isRolledOut(deployment, activeSet);
    const minReadySeconds = activeSet?.minReadySeconds ?? 0;
    const draft = add(drafts, byOwner, deployment, { kind: 'Deployment', mode, isQuiet, activeSet }, minReadySeconds);
    for (const set of sets) {
      byOwner.set(set.uid, draft);
      byHash.set(`${set.namespace} ${set.templateHash}`, draft);
    }
  }
  for (const set of facts.statefulSets.values()) {
    const isQuiet = isSeen(set) && set.currentRevision === set.updateRevision;
    add(drafts, byOwner, set, { kind: 'StatefulSet', mode: 'evict', isQuiet, activeSet: null }, set.minReadySeconds);
  }
  for (const pod of facts.pods.values()) {
    if (begunOn(pod) !== undefined) continue;
    // One that was put back is its ReplicaSet's before that has adopted it: it will end another one for it.
    const isBack = pod.owner === null && failedOn(pod) !== undefined;
    const home = isBack
      ? byHash.get(`${pod.namespace} ${pod.labels[templateHash]}`)
      : byOwner.get(pod.owner?.uid ?? '');
    home?.pods.push(pod);
  }
  const workloads = new Map<string, Workload>();
  const ofPod = new Map<string, Workload>();
  for (const [uid, { workload, pods, minReadySeconds }] of drafts) {
    const readyCount = pods.filter((pod) => staysReady(pod, minReadySeconds, now)).length;
    const whole: Workload = { ...workload, pods, readyCount };
    workloads.set(uid, whole);
    for (const pod of pods) ofPod.set(pod.uid, whole);
  }
  return { workloads, ofPod };
}

/** Budgets by what they select. One that names a label and its value is looked at for pods that bear it, and for no others. */
export function budgetsOf({ budgets }: Facts): (pod: PodFact) => readonly BudgetFact[] {
  const byLabel = new Map<string, BudgetFact[]>();
  const others = new Map<string, BudgetFact[]>();
  for (const budget of budgets.values()) {
    const [label] = Object.entries(budget.selector?.matchLabels ?? {});
    if (label === undefined) append(others, budget.namespace, budget);
    else append(byLabel, `${budget.namespace} ${label[0]}=${label[1]}`, budget);
  }
  return ({ namespace, labels }) => {
    const near: BudgetFact[] = [...(others.get(namespace) ?? [])];
    for (const key in labels) near.push(...(byLabel.get(`${namespace} ${key}=${labels[key]}`) ?? []));
    return near.filter(({ selector }) => selects(selector, labels));
  };
}

export const isWhole = ({ pods, readyCount, desired }: Workload) => pods.length === desired && readyCount === desired;

function isRolledOut(deployment: DeploymentFact, activeSet: ReplicaSetFact | null): boolean {
  const { replicas, updatedReplicas, isProgressing } = deployment;
  const isOne = replicas === 0 ? activeSet === null : activeSet?.replicas === replicas && isSeen(activeSet);
  return isSeen(deployment) && isProgressing && isOne && updatedReplicas === replicas;
}

const isSeen = ({
  generation,
  observedGeneration,
  isDeleting,
}: Omit<ReplicaSetFact, 'owner' | 'minReadySeconds' | 'templateHash'>) =>
  observedGeneration >= generation && !isDeleting;

const isDeployment = ({ kind, apiVersion }: { kind: string; apiVersion: string }) =>
  kind === 'Deployment' && apiVersion.startsWith('apps/');

function staysReady(pod: PodFact, minReadySeconds: number, now: number): boolean {
  const { isReady, readySinceMs, isDeleting } = pod;
  return isReady && !isDeleting && readySinceMs !== null && now - readySinceMs >= minReadySeconds * 1_000;
}

function add(
  drafts: Map<string, Draft>,
  byOwner: Map<string, Draft>,
  of: Readonly<{ uid: string; namespace: string; name: string; replicas: number }>,
  is: Pick<Workload, 'kind' | 'mode' | 'isQuiet' | 'activeSet'>,
  minReadySeconds = is.activeSet?.minReadySeconds ?? 0,
): Draft {
  const { uid, namespace, name, replicas } = of;
  const draft = { workload: { uid, namespace, name, desired: replicas, ...is }, pods: [], minReadySeconds };
  drafts.set(uid, draft);
  byOwner.set(uid, draft);
  return draft;
}

function append<Key, Value>(to: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = to.get(key);
  if (list === undefined) to.set(key, [value]);
  else list.push(value);
}
