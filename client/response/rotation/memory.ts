/**
 * What rotation remembers between two looks. A new leader begins with nothing of it: what must not be forgotten stands on
 * the pods (marks.ts).
 */
import type { EpochMs } from '../../../base/time.ts';
import type { ClusterFaultCode, Done } from '../cluster/cluster.ts';
import type { BudgetFact, Facts, PodFact } from '../cluster/facts.ts';
import type { Reason } from './reasons.ts';
import { isWhole, type Workload } from './workloads.ts';

/** Until then nothing is tried again, for this reason. `budget`: or until that budget is another. */
export type Hold = Readonly<{ reason: Reason; untilMs: EpochMs; budget?: BudgetFact | undefined }>;

/** What was asked for and does not show in the facts yet. */
export type Pending = Readonly<{
  does: 'release' | 'evict' | 'putBack';
  pod: PodFact;
  workload: string;
  budget: BudgetFact | undefined;
  sinceMs: EpochMs;
  /** It was answered; false while the request runs. */
  isAnswered: boolean;
}>;

export type Memory = Readonly<{
  pending: ReadonlyMap<string, Pending>;
  /** By the uid of a pod or of a budget, by the name of a namespace, and for everything. */
  holds: ReadonlyMap<string, Hold>;
  namespaces: ReadonlyMap<string, Hold>;
  everywhere: Hold | null;
  /** Workloads from which a pod was evicted and that are not whole again, and since when. `isOurs`: this leader did it. */
  awaiting: ReadonlyMap<string, Readonly<{ sinceMs: EpochMs; isOurs: boolean }>>;
  sizes: ReadonlyMap<string, Readonly<{ desired: number; sinceMs: EpochMs }>>;
  /** Nothing was looked at yet. */
  isFresh: boolean;
}>;

export const nothingRemembered: Memory = {
  pending: new Map(),
  holds: new Map(),
  namespaces: new Map(),
  everywhere: null,
  awaiting: new Map(),
  sizes: new Map(),
  isFresh: true,
};

/** An answer that facts never confirm is not believed for longer. */
const unseenMsMax = 30_000;
const minuteMs = 60_000;

/** What is still so, with these facts. */
export function refreshed(
  memory: Memory,
  facts: Facts,
  workloads: ReadonlyMap<string, Workload>,
  replacementMs: number,
  now: EpochMs,
): Memory {
  const pending = filtered(memory.pending, ({ pod, sinceMs, isAnswered }) => {
    const seen = facts.pods.get(pod.uid);
    if (!isAnswered) return true;
    return (
      now - sinceMs < unseenMsMax &&
      seen !== undefined &&
      !seen.isDeleting &&
      seen.resourceVersion === pod.resourceVersion
    );
  });
  const isCurrent = ({ untilMs, budget }: Hold) =>
    now < untilMs && (budget === undefined || facts.budgets.get(budget.uid) === budget);
  const everywhere = memory.everywhere !== null && isCurrent(memory.everywhere) ? memory.everywhere : null;
  const awaiting = new Map(memory.awaiting);
  for (const [uid, { sinceMs, isOurs }] of awaiting) {
    const workload = workloads.get(uid);
    const isGoing = [...pending.values()].some((one) => one.workload === uid);
    const isOver = workload === undefined || (isWhole(workload) && !isGoing);
    if (isOver || (!isOurs && now - sinceMs > replacementMs)) awaiting.delete(uid);
  }
  const sizes = new Map<string, Readonly<{ desired: number; sinceMs: EpochMs }>>();
  for (const [uid, { desired }] of workloads) {
    const before = memory.sizes.get(uid);
    sizes.set(uid, before?.desired === desired ? before : { desired, sinceMs: before === undefined ? 0 : now });
  }
  if (memory.isFresh) {
    // Another leader may have evicted from these a moment ago.
    for (const [uid, workload] of workloads) {
      if (workload.mode === 'evict' && !isWhole(workload)) awaiting.set(uid, { sinceMs: now, isOurs: false });
    }
  }
  return {
    ...{ pending, everywhere, awaiting, sizes, isFresh: false },
    holds: filtered(memory.holds, isCurrent),
    namespaces: filtered(memory.namespaces, isCurrent),
  };
}

/** What an answer teaches: how long to leave what alone. */
export function learnt(memory: Memory, asked: Pending, done: Done, now: EpochMs): Memory {
  const { pod, workload, budget, does } = asked;
  const pending = new Map(memory.pending);
  const mayBeDone = done.ok || done.fault.code === 'OUTCOME_UNKNOWN';
  if (mayBeDone) pending.set(pod.uid, { ...asked, isAnswered: true, sinceMs: now });
  else pending.delete(pod.uid);
  const leavesOneLess = mayBeDone && does === 'evict' && workload !== '';
  const awaiting = leavesOneLess
    ? new Map(memory.awaiting).set(workload, { sinceMs: now, isOurs: true })
    : memory.awaiting;
  if (done.ok) return { ...memory, pending, awaiting };
  const { code } = done.fault;
  const { where, reason, forMs } = lessons[code];
  const hold: Hold = { reason, untilMs: now + (done.retryAfterMs ?? forMs) };
  const holds = new Map(memory.holds);
  const namespaces = new Map(memory.namespaces);
  // What a budget refuses one pod it refuses all: nobody asks for the next one.
  if (where === 'budget')
    holds.set(budget?.uid ?? pod.uid, { ...hold, budget: code === 'BUDGET_NONE_LEFT' ? budget : undefined });
  if (where === 'pod') holds.set(pod.uid, hold);
  if (where === 'namespace') namespaces.set(pod.namespace, hold);
  return {
    ...memory,
    pending,
    awaiting,
    holds,
    namespaces,
    everywhere: where === 'everywhere' ? hold : memory.everywhere,
  };
}

type Lesson = Readonly<{ where: 'pod' | 'budget' | 'namespace' | 'everywhere'; reason: Reason; forMs: number }>;

const lessons: Readonly<Record<ClusterFaultCode, Lesson>> = {
  // No time is said: the budget's own watch says when to try again.
  BUDGET_NONE_LEFT: { where: 'budget', reason: 'PDB', forMs: 5 * minuteMs },
  BUDGET_UNOBSERVED: { where: 'budget', reason: 'PDB', forMs: 10_000 },
  BUDGET_MULTIPLE: { where: 'pod', reason: 'PDB_MULTIPLE', forMs: 10 * minuteMs },
  THROTTLED: { where: 'everywhere', reason: 'API_DOWN', forMs: 5_000 },
  POD_CHANGED: { where: 'pod', reason: 'ROTATING', forMs: 1_000 },
  POD_GONE: { where: 'pod', reason: 'ENDING', forMs: 1_000 },
  NAMESPACE_TERMINATING: { where: 'namespace', reason: 'NAMESPACE_ENDING', forMs: 10 * minuteMs },
  FORBIDDEN: { where: 'namespace', reason: 'RBAC', forMs: 5 * minuteMs },
  CREDENTIALS_REFUSED: { where: 'everywhere', reason: 'API_DOWN', forMs: 10_000 },
  OUTCOME_UNKNOWN: { where: 'pod', reason: 'API_DOWN', forMs: 5_000 },
  NOT_LEADER: { where: 'everywhere', reason: 'API_DOWN', forMs: 1_000 },
  CLUSTER_REFUSED: { where: 'pod', reason: 'API_DOWN', forMs: minuteMs },
};

function filtered<Value>(
  map: ReadonlyMap<string, Value>,
  keeps: (value: Value) => boolean,
): ReadonlyMap<string, Value> {
  return new Map([...map].filter(([, value]) => keeps(value)));
}
