import type { EpochMs } from '../../../base/time.ts';
import type { BudgetFact, Facts, PodFact } from '../cluster/facts.ts';
import { type Begun, begunOn, type Failed } from './marks.ts';
import type { Reason } from './reasons.ts';
import type { Workload } from './workloads.ts';

export type Released = Readonly<{ pod: PodFact; begun: Begun }>;

/** Pods that somebody released, by uid. Whoever leads now answers for them. */
export function releasedAmong({ pods }: Facts): ReadonlyMap<string, Released> {
  const released = new Map<string, Released>();
  for (const pod of pods.values()) {
    const begun = begunOn(pod);
    if (begun !== undefined && begun !== 'unreadable') released.set(pod.uid, { pod, begun });
  }
  return released;
}

/** What becomes of a pod that was released from its ReplicaSet. */
export type Verdict =
  | Readonly<{ kind: 'evict' }>
  | Readonly<{ kind: 'putBack'; failed: Failed }>
  | Readonly<{ kind: 'wait'; reason: Reason; untilMs: EpochMs | null }>;

/**
 * It goes once there are as many others, ready, as its workload wants, and nothing is being rolled out. It goes back where that
 * has not come about in time, but only to a ReplicaSet that wants pods: one that wants none would kill it without asking.
 */
export function verdictOn(
  { pod, begun: { at, set, deployment } }: Released,
  facts: Facts,
  { workload, budgets }: Readonly<{ workload: Workload | undefined; budgets: readonly BudgetFact[] }>,
  replacementMs: number,
  now: EpochMs,
): Verdict {
  if (pod.isDeleting) return { kind: 'wait', reason: 'ENDING', untilMs: null };
  // Its workload is gone; nobody counts on it, and nobody else would ever remove it.
  if (workload === undefined) return whereAllowed(budgets, null);
  // Of more than it wants its controller ends some, and facts still show them ready.
  const staying = workload.pods.filter(({ isDeleting }) => !isDeleting).length;
  const isReplaced = workload.isQuiet && workload.readyCount >= workload.desired && staying <= workload.desired;
  const lateMs = at + replacementMs;
  // A budget gets as much time again as the replacement had.
  if (isReplaced && now < lateMs + replacementMs) return whereAllowed(budgets, lateMs + replacementMs);
  if (!isReplaced && now < lateMs) {
    return { kind: 'wait', reason: workload.isQuiet ? 'ROTATING' : 'ROLLOUT', untilMs: lateMs };
  }
  const home = facts.replicaSets.get(set);
  const isHome = home !== undefined && !home.isDeleting && home.owner?.uid === deployment;
  if (!isHome || home.replicas === 0) {
    if (!isReplaced) return { kind: 'wait', reason: 'ROLLOUT', untilMs: null };
    const allowed = whereAllowed(budgets, null);
    // Somebody wants none of its kind any more: its ReplicaSet ends it as it ended the others, where no budget ever would.
    const isOver = isHome && workload.desired === 0 && allowed.kind === 'wait';
    return isOver ? { kind: 'putBack', failed: { atMs: now, reason: 'PDB' } } : allowed;
  }
  return { kind: 'putBack', failed: { atMs: now, reason: isReplaced ? 'PDB' : whyNot(workload, at) } };
}

/** A request that the budget would refuse is not made: its watch says when it would not. */
function whereAllowed(budgets: readonly BudgetFact[], untilMs: EpochMs | null): Verdict {
  if (budgets.length > 1) return { kind: 'wait', reason: 'PDB_MULTIPLE', untilMs };
  const [budget] = budgets;
  const isAllowed = budget === undefined || (budget.isCurrent && budget.disruptionsAllowed > 0);
  return isAllowed ? { kind: 'evict' } : { kind: 'wait', reason: 'PDB', untilMs };
}

/** A pod that has a node and is not ready never was; one without a node, or none at all, there was no room for. */
function whyNot({ pods }: Workload, at: EpochMs): Failed['reason'] {
  const isNew = ({ isReady, createdAtMs, node }: PodFact) => !isReady && node !== '' && createdAtMs >= at - 2_000;
  return pods.some(isNew) ? 'REPLACEMENT_UNREADY' : 'SURGE_REFUSED';
}
