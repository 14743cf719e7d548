import type { Fault } from '../../../base/fault.ts';
import type { EpochMs, Timers } from '../../../base/time.ts';
import type { KubeEndpoint } from '../../kube/endpoint.ts';
import { Reflector } from '../../kube/reflector.ts';
import type { KubeFaultCode } from '../../kube/request.ts';
import { readinessOf, type ServerReadiness } from '../../kube/server-readiness.ts';
import type { BudgetFact, DeploymentFact, Facts, NodeFact, PodFact, ReplicaSetFact, StatefulSetFact } from './facts.ts';
import {
  projectBudget,
  projectDeployment,
  projectNode,
  projectPod,
  projectReplicaSet,
  projectStatefulSet,
} from './project.ts';

export type ViewPorts = Readonly<{
  endpoint: KubeEndpoint;
  timers: Timers;
  /** Uniform in [0, 1): spreads agents over time. */
  unit(): number;
  /** Something is not as it was. */
  onChange(): void;
  onEnded(path: string, fault: Fault<KubeFaultCode> | undefined): void;
}>;

/** Watches of one namespace, and one of the nodes. */
const watchesPerNamespace = 5;
/** So many connections hold all watches open, and leave some for what is asked beside them. */
export const socketsFor = (namespaces: number) => namespaces * watchesPerNamespace + 1 + 8;

/** The cluster's objects as their watches tell them, for as long as the agent lives. */
export class ClusterView {
  readonly synced: Promise<void>;
  readonly #reflectors: Reflector<Identified>[] = [];
  readonly #ports: ViewPorts;
  readonly #readiness: ServerReadiness;
  /** Watches that have not listed yet, or could not be taken up again, and since when. */
  readonly #blind = new Map<string, EpochMs>();
  readonly #pods = new Map<string, PodFact>();
  readonly #replicaSets = new Map<string, ReplicaSetFact>();
  readonly #deployments = new Map<string, DeploymentFact>();
  readonly #statefulSets = new Map<string, StatefulSetFact>();
  readonly #budgets = new Map<string, BudgetFact>();
  readonly #nodes = new Map<string, NodeFact>();

  constructor(namespaces: readonly string[], ports: ViewPorts) {
    this.#ports = ports;
    this.#readiness = readinessOf(ports.endpoint, ports.timers, ports.unit);
    for (const namespace of namespaces) {
      const core = `/api/v1/namespaces/${namespace}`;
      const apps = `/apis/apps/v1/namespaces/${namespace}`;
      // All pods, not those with a label: one that is relabelled would leave such a watch though it lives.
      this.#watch(`${core}/pods`, namespace, projectPod, this.#pods);
      this.#watch(`${apps}/replicasets`, namespace, projectReplicaSet, this.#replicaSets);
      this.#watch(`${apps}/deployments`, namespace, projectDeployment, this.#deployments);
      this.#watch(`${apps}/statefulsets`, namespace, projectStatefulSet, this.#statefulSets);
      const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
      this.#watch(budgets, namespace, projectBudget, this.#budgets);
    }
    this.#watch('/api/v1/nodes', '', projectNode, this.#nodes, ({ name }) => name);
    this.synced = Promise.all(this.#reflectors.map(({ synced }) => synced)).then(() => undefined);
  }

  get facts(): Facts {
    return {
      pods: this.#pods,
      replicaSets: this.#replicaSets,
      deployments: this.#deployments,
      statefulSets: this.#statefulSets,
      budgets: this.#budgets,
      nodes: this.#nodes,
      ...{ risks: new Map(), claimed: new Map() }, // The API server knows of none.
      blindSinceMs: this.#blind.size === 0 ? null : Math.min(...this.#blind.values()),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #watch<Fact extends Identified>(
    path: string,
    namespace: string,
    project: (object: unknown) => Fact | undefined,
    into: Map<string, Fact>,
    keyOf: (fact: Fact) => string = ({ uid }) => uid,
  ): void {
    const { endpoint, timers, unit, onChange, onEnded } = this.#ports;
    const heard = (change: () => void) => {
      this.#blind.delete(path);
      change();
      onChange();
    };
    this.#blind.set(path, timers.now());
    const reflector = new Reflector<Fact>(
      { path },
      {
        endpoint,
        readiness: this.#readiness,
        timers,
        unit,
        project,
        onAll: (all) =>
          heard(() => {
            const now = new Set(all.map(keyOf));
            for (const [key, fact] of into)
              if (fact.namespace === (namespace || undefined) && !now.has(key)) into.delete(key);
            for (const fact of all) into.set(keyOf(fact), fact);
          }),
        onPut: (fact) => heard(() => into.set(keyOf(fact), fact)),
        onGone: (fact) => heard(() => into.delete(keyOf(fact))),
        onEnded: (fault) => {
          if (fault !== undefined && !this.#blind.has(path)) this.#blind.set(path, timers.now());
          onEnded(path, fault);
          onChange();
        },
        onResumed: () => heard(() => undefined),
      },
    );
    this.#reflectors.push(reflector as unknown as Reflector<Identified>);
  }
}

type Identified = Readonly<{ uid: string; namespace?: string }>;
