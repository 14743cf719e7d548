/** Objects of a simulated cluster: mutable, since controllers, kubelets and the API server of it all write to them. */
import type {
  BudgetFact,
  DeploymentFact,
  Facts,
  NodeFact,
  PodFact,
  ReplicaSetFact,
  StatefulSetFact,
} from '../cluster/facts.ts';

export type Mutable<Fact> = { -readonly [Key in keyof Fact]: Fact[Key] };

export type Pod = Mutable<PodFact> & { labels: Record<string, string>; annotations: Record<string, string> };

export type Budget = Mutable<BudgetFact> & {
  min: number | null;
  maxUnavailable: number | null;
  /** Evicted and not gone yet, by name, as the API server keeps them: for two minutes. */
  disrupted: Map<string, number>;
};

/** What becomes of the pods that a workload gets: ready after a while, never, or not even made. */
export type Growth = 'ready' | 'never ready' | 'refused';

export type Deployment = Mutable<DeploymentFact> & { growth: Growth; hasBudget: boolean };
export type StatefulSet = Mutable<StatefulSetFact> & { growth: Growth };

export type Objects = {
  pods: Map<string, Pod>;
  replicaSets: Map<string, Mutable<ReplicaSetFact>>;
  deployments: Map<string, Deployment>;
  statefulSets: Map<string, StatefulSet>;
  budgets: Map<string, Budget>;
  nodes: Map<string, Mutable<NodeFact>>;
};

export type Kind = keyof Objects;

export const noObjects = (): Objects => ({
  pods: new Map(),
  replicaSets: new Map(),
  deployments: new Map(),
  statefulSets: new Map(),
  budgets: new Map(),
  nodes: new Map(),
});

/** A copy that later writes do not reach. */
export function factOf<Fact extends object>(object: Fact): Fact {
  const copy = { ...object } as Fact & { labels?: object; annotations?: object };
  if (copy.labels !== undefined) copy.labels = { ...copy.labels };
  if (copy.annotations !== undefined) copy.annotations = { ...copy.annotations };
  return copy;
}

/** What one agent sees: as its watches told it, later than it was, or not at all for a while. */
export class SimulatedView {
  readonly #facts = noObjects();
  risks: Facts['risks'] = new Map();
  blindSinceMs: number | null = null;

  get facts(): Facts {
    return {
      ...(this.#facts as unknown as Omit<Facts, 'risks' | 'claimed' | 'blindSinceMs'>),
      risks: this.risks,
      claimed: new Map(), // Rotation stands alone here.
      blindSinceMs: this.blindSinceMs,
    };
  }

  put(kind: Kind, key: string, object: object | undefined): void {
    const into = this.#facts[kind] as Map<string, object>;
    if (object === undefined) into.delete(key);
    else into.set(key, object);
  }

  /** As a list does. */
  replace(all: Objects): void {
    for (const kind of Object.keys(all) as Kind[]) {
      const into = this.#facts[kind] as Map<string, object>;
      into.clear();
      for (const [key, object] of all[kind]) into.set(key, factOf(object));
    }
  }
}
