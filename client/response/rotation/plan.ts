import type { EpochMs } from '../../../base/time.ts';
import { exposureOf } from '../../posture/exposure.ts';
import type { BudgetFact, Facts, PodFact } from '../cluster/facts.ts';
import { isClaimed } from './claimed.ts';
import { dueAtMs } from './due.ts';
import { hoursAt } from './hours.ts';
import type { InFlight } from './in-flight.ts';
import { failedOn, isOptedOut, isQuarantined, templateHash } from './marks.ts';
import type { Memory } from './memory.ts';
import type { Reason } from './reasons.ts';
import type { RotationConfig } from './rotation-config.ts';
import type { Schedule } from './schedule.ts';
import { isWhole, type Workload } from './workloads.ts';

export type Due = Readonly<{ pod: PodFact; workload: Workload; dueMs: EpochMs; budget: BudgetFact | undefined }>;
export type Waiting = Readonly<{ pod: PodFact; dueMs: EpochMs; reason: Reason }>;

export type Plan = Readonly<{
  /** To be begun now, the most suspicious first. */
  rotate: readonly Due[];
  /** Due, and not now. */
  wait: readonly Waiting[];
  /** When the next pod is due, or the calendar changes. */
  nextMs: EpochMs | null;
}>;

export type PlanInput = Readonly<{
  facts: Facts;
  config: RotationConfig;
  schedule: Schedule;
  memory: Memory;
  workloads: ReadonlyMap<string, Workload>;
  ofPod: ReadonlyMap<string, Workload>;
  budgetsFor: (pod: PodFact) => readonly BudgetFact[];
  /** Filled with what is under way already; what the plan begins is added to it. */
  inFlight: InFlight;
  /** Pods that were released: they are not planned again. */
  released: ReadonlySet<string>;
  /** What an operator wrote on the lease. */
  paused: boolean;
}>;

/** Which pods are due, which of them may go now, and why the others may not. No clock, no I/O, no chance. */
export function plan(input: PlanInput, now: EpochMs): Plan {
  const { facts, config, schedule, released, ofPod } = input;
  const due: Readonly<{ pod: PodFact; dueMs: EpochMs; risk: number }>[] = [];
  let nextMs: EpochMs | null = null;
  for (const pod of facts.pods.values()) {
    if (released.has(pod.uid)) continue;
    const steps = facts.risks.get(pod.uid) ?? [];
    const { exposedBy } = pod;
    const dueMs = dueAtMs(pod.createdAtMs, schedule.lifetimeMs(pod), { steps, exposedBy }, config);
    if (dueMs <= now) due.push({ pod, dueMs, risk: steps.at(-1)?.risk ?? 0 });
    else if (ofPod.has(pod.uid)) nextMs = Math.min(nextMs ?? dueMs, dueMs);
  }
  // Exposure is in the due times already: in a queue of pods of equal risk the more exposed stand further in front, and none
  // waits for ever. The order of uids last: equal times must not make two leaders choose differently.
  due.sort(
    (a, b) =>
      b.risk - a.risk ||
      a.dueMs - b.dueMs ||
      exposureOf(b.pod.exposedBy) - exposureOf(a.pod.exposedBy) ||
      (a.pod.uid < b.pod.uid ? -1 : 1),
  );
  const hours = hoursAt(config, now);
  if (hours.untilMs !== null) nextMs = Math.min(nextMs ?? hours.untilMs, hours.untilMs);
  const everywhere = reasonEverywhere(input, hours.closed);
  const failing = failuresAmong(input, now);
  const rotate: Due[] = [];
  const wait: Waiting[] = [];
  for (const { pod, dueMs } of due) {
    const workload = ofPod.get(pod.uid);
    const budgets = workload === undefined ? [] : input.budgetsFor(pod);
    const [budget] = budgets;
    const reason =
      reasonOfPod(pod, workload, input, now) ??
      everywhere ??
      reasonOfWorkload(input, workload as Workload, failing, now) ??
      input.memory.holds.get(pod.uid)?.reason ??
      input.memory.holds.get(budget?.uid ?? '')?.reason ??
      reasonOfBudgets(workload as Workload, budgets, input) ??
      (input.inFlight.hasRoom(workload?.uid ?? '', pod.node, budget?.uid) ? null : 'BUDGET') ??
      (config.mode === 'rotate' ? null : 'OBSERVE');
    if (reason !== null || workload === undefined) {
      wait.push({ pod, dueMs, reason: reason ?? 'KIND' });
      continue;
    }
    rotate.push({ pod, workload, dueMs, budget });
    input.inFlight.add({ workload: workload.uid, node: pod.node, budget: budget?.uid });
  }
  return { rotate, wait, nextMs };
}

function reasonEverywhere({ facts, paused, memory }: PlanInput, closed: 'FROZEN' | 'WINDOW' | null): Reason | null {
  if (facts.blindSinceMs !== null) return 'API_DOWN';
  if (paused) return 'PAUSED';
  return closed ?? memory.everywhere?.reason ?? null;
}

/** What is with the pod itself, whatever else is. */
function reasonOfPod(
  pod: PodFact,
  workload: Workload | undefined,
  { config, facts }: PlanInput,
  now: EpochMs,
): Reason | null {
  if (pod.isDeleting) return 'ENDING';
  if (isQuarantined(pod) || isClaimed(pod, facts, config, now)) return 'QUARANTINED';
  if (pod.isMirror || workload === undefined) return 'KIND';
  // Without it there is nothing by which it could be released.
  if (workload.mode === 'surge' && pod.labels[templateHash] === undefined) return 'KIND';
  if (isOptedOut(pod)) return 'PAUSED';
  if (pod.isDisrupted || (facts.nodes.get(pod.node)?.isCordoned ?? false)) return 'NODE_DRAINING';
  if (pod.phase !== 'Running' || !pod.isReady) return 'UNREADY';
  return pod.localData !== null && config.localData === 'skip' ? 'LOCAL_DATA' : null;
}

function reasonOfWorkload(
  { memory, config, inFlight }: PlanInput,
  workload: Workload,
  failing: ReadonlyMap<string, Reason>,
  now: EpochMs,
): Reason | null {
  const namespace = memory.namespaces.get(workload.namespace);
  if (namespace !== undefined) return namespace.reason;
  if (inFlight.countOf(workload.uid) > 0 && !inFlight.hasRoom(workload.uid, '', undefined)) return 'BUDGET';
  const size = memory.sizes.get(workload.uid);
  if (!workload.isQuiet || (size !== undefined && now - size.sinceMs < config.settleSeconds * 1_000)) return 'ROLLOUT';
  const failed = failing.get(workload.uid);
  if (failed !== undefined) return failed;
  if (failing.size >= config.failuresMax) return 'REPLACEMENT_UNREADY';
  return isWhole(workload) ? null : 'REPLACEMENT_UNREADY';
}

/** Workloads whose last rotation came to nothing. */
function failuresAmong({ facts, memory, config, ofPod }: PlanInput, now: EpochMs): ReadonlyMap<string, Reason> {
  const failing = new Map<string, Reason>();
  for (const pod of facts.pods.values()) {
    const workload = ofPod.get(pod.uid);
    const failed = workload === undefined ? undefined : failedOn(pod);
    if (failed === undefined || now - failed.atMs >= config.retryMinutes * 60_000) continue;
    failing.set((workload as Workload).uid, failed.reason);
  }
  for (const [uid, { sinceMs, isOurs }] of memory.awaiting) {
    if (isOurs && now - sinceMs > config.replacementSecondsMax * 1_000) failing.set(uid, 'REPLACEMENT_UNREADY');
  }
  return failing;
}

function reasonOfBudgets(
  { uid, mode, desired, readyCount }: Workload,
  budgets: readonly BudgetFact[],
  { config: { minReady }, inFlight }: PlanInput,
): Reason | null {
  if (budgets.length > 1) return 'PDB_MULTIPLE';
  const [budget] = budgets;
  if (budget === undefined) {
    const floor = Math.min(minReady ?? Math.max(1, desired - 1), desired);
    // Those that were just begun are still ready in the facts.
    return mode === 'evict' && readyCount - inFlight.countOf(uid) - 1 < floor ? 'FLOOR' : null;
  }
  if (!budget.isCurrent) return 'PDB';
  // One more is made first: it must be healthy enough that this one can then go.
  if (mode === 'surge') return budget.currentHealthy >= budget.desiredHealthy ? null : 'PDB';
  if (budget.disruptionsAllowed > 0) return null;
  return budget.currentHealthy <= budget.desiredHealthy ? 'PDB_NONE_LEFT' : 'PDB';
}
