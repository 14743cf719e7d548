/** Facts for tests: one workload of each kind, whole and quiet, unless said otherwise. */
import type {
  BudgetFact,
  DeploymentFact,
  Facts,
  NodeFact,
  PodFact,
  ReplicaSetFact,
  RiskStep,
  StatefulSetFact,
} from '../cluster/facts.ts';

export const madeAtMs = Date.UTC(2027, 0, 1);

export function madePod(name: string, more: Partial<PodFact> = {}): PodFact {
  return {
    ...{ uid: `uid-${name}`, namespace: 'shop', name, resourceVersion: '1', node: 'node-1' },
    labels: { app: 'web', 'pod-template-hash': 'h1' },
    annotations: {},
    owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-h1', uid: 'set-web' },
    ...{ phase: 'Running', isReady: true, readySinceMs: madeAtMs, createdAtMs: madeAtMs, isDeleting: false },
    ...{ isMirror: false, isDisrupted: false, localData: null, isHostNetwork: false, images: [], exposedBy: [] },
    ...more,
  };
}

/** What a pod of `madeStatefulSet` has. */
export const ofStatefulSet = {
  labels: { app: 'db' },
  owner: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'stateful-db' },
} as const;

export function madeSet(more: Partial<ReplicaSetFact> = {}): ReplicaSetFact {
  return {
    ...{ uid: 'set-web', namespace: 'shop', name: 'web-h1', replicas: 2, generation: 1, observedGeneration: 1 },
    ...{ isDeleting: false, minReadySeconds: 0, templateHash: 'h1' },
    owner: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'deployment-web' },
    ...more,
  };
}

export function madeDeployment(more: Partial<DeploymentFact> = {}): DeploymentFact {
  return {
    ...{ uid: 'deployment-web', namespace: 'shop', name: 'web', replicas: 2, generation: 1, observedGeneration: 1 },
    ...{
      isDeleting: false,
      updatedReplicas: 2,
      availableReplicas: 2,
      isPaused: false,
      canSurge: true,
      isProgressing: true,
    },
    ...more,
  };
}

export function madeStatefulSet(more: Partial<StatefulSetFact> = {}): StatefulSetFact {
  return {
    ...{ uid: 'stateful-db', namespace: 'shop', name: 'db', replicas: 3, generation: 1, observedGeneration: 1 },
    ...{ isDeleting: false, minReadySeconds: 0, currentRevision: 'r', updateRevision: 'r' },
    ...more,
  };
}

export function madeBudget(more: Partial<BudgetFact> = {}): BudgetFact {
  return {
    ...{ uid: 'budget-web', namespace: 'shop', name: 'web', isCurrent: true },
    selector: { matchLabels: { app: 'web' }, matchExpressions: [] },
    ...{ disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1 },
    ...more,
  };
}

type Parts = Readonly<{
  pods: readonly PodFact[];
  replicaSets?: readonly ReplicaSetFact[];
  deployments?: readonly DeploymentFact[];
  statefulSets?: readonly StatefulSetFact[];
  budgets?: readonly BudgetFact[];
  nodes?: readonly NodeFact[];
  risks?: Readonly<Record<string, readonly RiskStep[]>>;
  claimed?: Readonly<Record<string, 'begun' | 'waits'>>;
  blindSinceMs?: number | null;
}>;

export function madeFacts(parts: Parts): Facts {
  const byUid = <Fact extends { uid: string }>(facts: readonly Fact[]) =>
    new Map(facts.map((fact) => [fact.uid, fact]));
  return {
    pods: byUid(parts.pods),
    replicaSets: byUid(parts.replicaSets ?? [madeSet()]),
    deployments: byUid(parts.deployments ?? [madeDeployment()]),
    statefulSets: byUid(parts.statefulSets ?? []),
    budgets: byUid(parts.budgets ?? []),
    nodes: new Map((parts.nodes ?? []).map((node) => [node.name, node])),
    risks: new Map(Object.entries(parts.risks ?? {})),
    claimed: new Map(Object.entries(parts.claimed ?? {})),
    blindSinceMs: parts.blindSinceMs ?? null,
  };
}
