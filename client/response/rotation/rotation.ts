import type { EpochMs } from '../../../base/time.ts';
import type { Done } from '../cluster/cluster.ts';
import type { BudgetFact, Facts, PodFact } from '../cluster/facts.ts';
import type { ClusterAction, Next, Part } from '../part.ts';
import { isClaimed } from './claimed.ts';
import { InFlight } from './in-flight.ts';
import { putBackOf, releaseOf, templateHash } from './marks.ts';
import { learnt, type Memory, nothingRemembered, type Pending, refreshed } from './memory.ts';
import { type Due, plan, type Waiting } from './plan.ts';
import type { Reason } from './reasons.ts';
import { releasedAmong, verdictOn } from './released.ts';
import type { RotationConfig } from './rotation-config.ts';
import type { Schedule } from './schedule.ts';
import { budgetsOf, workloadsOf } from './workloads.ts';

const putBackId = 'put-back:';

/** Of an action: whether it gives a pod back to its ReplicaSet. */
export const isPutBack = (id: string) => id.startsWith(putBackId);

/** A pod beyond the bound, and why it is still there. */
export type Breach = Waiting & Readonly<{ overMs: number }>;

/** What a look found: for people, metrics and the log. */
export type Seen = Readonly<{
  atMs: EpochMs;
  begins: readonly Due[];
  waits: readonly Waiting[];
  breaches: readonly Breach[];
  inFlight: number;
}>;

export type RotationState = Readonly<{ memory: Memory; seen: Seen | null }>;

export type RotationPorts = Readonly<{ config: RotationConfig; schedule: Schedule; isPaused(): boolean }>;

/** Rotates pods: each when its time has come, one more before one less, and never below what its service needs. */
export function rotationPart({ config, schedule, isPaused }: RotationPorts): Part<RotationState> {
  const replacementMs = config.replacementSecondsMax * 1_000;
  const step = ({ memory: before }: RotationState, facts: Facts, now: EpochMs): Next<RotationState, never> => {
    const { workloads, ofPod } = workloadsOf(facts, now);
    const memory = refreshed(before, facts, workloads, replacementMs, now);
    const budgetsFor = budgetsOf(facts);
    const pending = new Map(memory.pending);
    const actions: ClusterAction[] = [];
    const inFlight = new InFlight(config.maxInFlight);
    const ask = (action: ClusterAction, does: Pending['does'], pod: PodFact, workload: string, budget?: BudgetFact) => {
      actions.push(action);
      pending.set(pod.uid, { does, pod, workload, budget, sinceMs: now, isAnswered: false });
    };
    const released = releasedAmong(facts);
    for (const { workload, pod, budget } of memory.pending.values()) {
      if (!released.has(pod.uid)) inFlight.add({ workload, node: pod.node, budget: budget?.uid });
    }
    for (const uid of memory.awaiting.keys()) {
      if (![...memory.pending.values()].some(({ workload }) => workload === uid))
        inFlight.add({ workload: uid, node: '', budget: undefined });
    }
    const waiting: Waiting[] = [];
    const untilMs: (EpochMs | null)[] = [];
    for (const [uid, one] of released) {
      const { pod, begun } = one;
      const budgets = budgetsFor(pod);
      inFlight.add({ workload: begun.deployment, node: pod.node, budget: budgets[0]?.uid });
      const waits = (reason: Reason, atMs: EpochMs | null = null) => {
        waiting.push({ pod, dueMs: begun.at, reason });
        untilMs.push(atMs);
      };
      const of = { workload: workloads.get(begun.deployment), budgets };
      const verdict = verdictOn(one, facts, of, replacementMs, now);
      const hold =
        memory.holds.get(uid) ??
        memory.holds.get(budgets[0]?.uid ?? '') ??
        memory.namespaces.get(pod.namespace) ??
        memory.everywhere;
      if (memory.pending.has(uid)) waits('ROTATING');
      else if (verdict.kind === 'wait') waits(verdict.reason, verdict.untilMs);
      else if (facts.blindSinceMs !== null) waits('API_DOWN');
      else if (config.mode !== 'rotate') waits('OBSERVE');
      // What a budget refuses may still be put back.
      else if (hold !== null && !(verdict.kind === 'putBack' && hold.reason === 'PDB')) waits(hold.reason);
      else if (verdict.kind === 'putBack') {
        waits(verdict.failed.reason);
        const change = putBackOf(begun, verdict.failed);
        ask({ kind: 'patchPod', id: `${putBackId}${uid}`, pod, change }, 'putBack', pod, '');
      } else if (isClaimed(pod, facts, config, now)) waits('QUARANTINED');
      else {
        waits('ROTATING');
        ask({ kind: 'evictPod', id: `evict:${uid}`, pod, dryRun: false }, 'evict', pod, '', budgets[0]);
      }
    }
    const input = { facts, config, schedule, memory, workloads, ofPod, budgetsFor, inFlight, paused: isPaused() };
    const planned = plan({ ...input, released: new Set([...released.keys(), ...memory.pending.keys()]) }, now);
    for (const { pod, workload, budget } of planned.rotate) {
      const hash = pod.labels[templateHash];
      const set = workload.activeSet;
      if (workload.mode === 'surge' && set !== null && hash !== undefined) {
        const change = releaseOf(pod, set, workload.uid, hash, now);
        ask({ kind: 'patchPod', id: `release:${pod.uid}`, pod, change }, 'release', pod, workload.uid, budget);
      } else ask({ kind: 'evictPod', id: `evict:${pod.uid}`, pod, dryRun: false }, 'evict', pod, workload.uid, budget);
    }
    for (const { pod } of memory.pending.values()) {
      if (!released.has(pod.uid)) waiting.push({ pod, dueMs: now, reason: 'ROTATING' });
    }
    for (const { pod, dueMs } of planned.rotate) waiting.push({ pod, dueMs, reason: 'ROTATING' });
    waiting.push(...planned.wait);
    const seen = {
      atMs: now,
      begins: planned.rotate,
      waits: waiting,
      breaches: breachesAmong(waiting, config, now),
      inFlight: inFlight.count,
    };
    const wakes = [...untilMs, planned.nextMs, ...holdsOf(memory)].filter((at) => at !== null && at > now) as EpochMs[];
    const wakeAtMs = wakes.length === 0 ? null : Math.min(...wakes);
    return { state: { memory: { ...memory, pending }, seen }, actions, wakeAtMs };
  };
  return {
    name: 'rotation',
    first: { memory: nothingRemembered, seen: null },
    step,
    heard(state: RotationState, action: ClusterAction, done: Done, now: EpochMs): RotationState {
      const asked = state.memory.pending.get(action.pod.uid);
      return asked === undefined ? state : { ...state, memory: learnt(state.memory, asked, done, now) };
    },
  };
}

function breachesAmong(waits: readonly Waiting[], { maxLifetimeMinutes }: RotationConfig, now: EpochMs): Breach[] {
  const boundMs = maxLifetimeMinutes * 60_000;
  return waits.flatMap((waiting) => {
    const overMs = now - waiting.pod.createdAtMs - boundMs;
    return overMs > 0 ? [{ ...waiting, overMs }] : [];
  });
}

function holdsOf({ holds, namespaces, everywhere }: Memory): (EpochMs | null)[] {
  return [...holds.values(), ...namespaces.values()].map(({ untilMs }) => untilMs).concat(everywhere?.untilMs ?? []);
}
