import type { EpochMs } from '../../../base/time.ts';
import type { LastingCode } from '../../posture/exposure.ts';

/** What the agent keeps of the cluster's objects: what decides on rotation and quarantine, and no more. */
export type OwnerRef = Readonly<{ apiVersion: string; kind: string; name: string; uid: string }>;

/** Enough to act on one pod and on no other that bears its name. */
export type PodRef = Readonly<{ namespace: string; name: string; uid: string; resourceVersion: string }>;

export type PodFact = PodRef &
  Readonly<{
    node: string;
    labels: Readonly<Record<string, string>>;
    /** Those below testudo.io/ alone. */
    annotations: Readonly<Record<string, string>>;
    /** The controller above it. */
    owner: OwnerRef | null;
    phase: string;
    isReady: boolean;
    /** Since when it is ready without a break; null while it is not. */
    readySinceMs: EpochMs | null;
    createdAtMs: EpochMs;
    isDeleting: boolean;
    /** The kubelet's own, which the API cannot evict. */
    isMirror: boolean;
    /** Somebody else evicts it, or its node goes. */
    isDisrupted: boolean;
    /** Data that go with the pod: the kind of the first such volume. */
    localData: string | null;
    isHostNetwork: boolean;
    /** The digest of each container's image; undefined where nobody knows it. */
    images: readonly (string | undefined)[];
    /** What of its posture lasts as long as the pod: rotation looks sooner at who has more of it. */
    exposedBy: readonly LastingCode[];
  }>;

type Controller = Readonly<{
  uid: string;
  namespace: string;
  name: string;
  replicas: number;
  generation: number;
  observedGeneration: number;
  isDeleting: boolean;
}>;

export type ReplicaSetFact = Controller &
  Readonly<{ owner: OwnerRef | null; minReadySeconds: number; templateHash: string | null }>;

export type DeploymentFact = Controller &
  Readonly<{
    updatedReplicas: number;
    availableReplicas: number;
    isPaused: boolean;
    /** RollingUpdate with room for a pod more. */
    canSurge: boolean;
    /** The condition Progressing is not False. */
    isProgressing: boolean;
  }>;

export type StatefulSetFact = Controller &
  Readonly<{ minReadySeconds: number; currentRevision: string; updateRevision: string }>;

export type Selector = Readonly<{
  matchLabels: Readonly<Record<string, string>>;
  matchExpressions: readonly Readonly<{ key: string; operator: string; values: readonly string[] }>[];
}>;

export type BudgetFact = Readonly<{
  uid: string;
  namespace: string;
  name: string;
  selector: Selector | null;
  /** What its controller says is of this generation, and it could compute it. */
  isCurrent: boolean;
  disruptionsAllowed: number;
  currentHealthy: number;
  desiredHealthy: number;
}>;

export type NodeFact = Readonly<{ uid: string; name: string; isCordoned: boolean }>;

/** From `atMs` on a pod's risk is this: 0 is usual, 1 a threshold. */
export type RiskStep = Readonly<{ atMs: EpochMs; risk: number }>;

/** What is known now. Maps are by uid, nodes by name; they change between two looks, never during one. */
export type Facts = Readonly<{
  pods: ReadonlyMap<string, PodFact>;
  replicaSets: ReadonlyMap<string, ReplicaSetFact>;
  deployments: ReadonlyMap<string, DeploymentFact>;
  statefulSets: ReadonlyMap<string, StatefulSetFact>;
  budgets: ReadonlyMap<string, BudgetFact>;
  nodes: ReadonlyMap<string, NodeFact>;
  /** By the pod's uid, oldest step first; a pod that is not in it has no risk. */
  risks: ReadonlyMap<string, readonly RiskStep[]>;
  /** Pods whose quarantine was begun, or waits for an operator's word, by uid. */
  claimed: ReadonlyMap<string, 'begun' | 'waits'>;
  /** Since when some of this is not kept up to date; null while all of it is. */
  blindSinceMs: EpochMs | null;
}>;
