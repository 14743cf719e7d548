import { describe, expect, it } from 'vitest';
import { ok, refuse } from '../../../base/fault.ts';
import type { ClusterFaultCode, Done } from '../cluster/cluster.ts';
import type { Facts, PodFact, RiskStep } from '../cluster/facts.ts';
import {
  madeAtMs,
  madeBudget,
  madeDeployment,
  madeFacts,
  madePod,
  madeSet,
  madeStatefulSet,
  ofStatefulSet,
} from '../testing/made-facts.ts';
import { rotationPart } from './rotation.ts';
import { type RotationConfig, rotationConfig } from './rotation-config.ts';
import { makeSchedule } from './schedule.ts';

const hourMs = 3_600_000;
/** After this every pod is due. */
const late = madeAtMs + 25 * hourMs;
const two = [madePod('a'), madePod('b')];
const three = ['db-0', 'db-1', 'db-2'].map((name, at) => madePod(name, { ...ofStatefulSet, node: `node-${at}` }));
const db = { pods: three, statefulSets: [madeStatefulSet()] };
const dbBudget = (more: object) =>
  madeBudget({ selector: { matchLabels: { app: 'db' }, matchExpressions: [] }, ...more });

function partWith(settings: Partial<RotationConfig> = {}, paused = false) {
  const config = { ...rotationConfig.parse({ mode: 'rotate' }), ...settings };
  return rotationPart({ config, schedule: makeSchedule(Buffer.alloc(32, 1), config), isPaused: () => paused });
}

function look(facts: Facts, settings: Partial<RotationConfig> = {}, now = late, paused = false) {
  const part = partWith(settings, paused);
  const { actions, state } = part.step(part.first, facts, now);
  const reasons = Object.fromEntries((state.seen?.waits ?? []).map(({ pod, reason }) => [pod.name, reason]));
  return { part, actions, state, reasons };
}

const answered = (code: ClusterFaultCode | null, retryAfterMs: number | null = null): Done =>
  code === null ? { ...ok(null), retryAfterMs } : { ...refuse(code, 'said'), retryAfterMs };

describe('rotation', () => {
  it('does nothing before a pod is due, and wakes when the next one is', () => {
    const part = partWith();
    const next = part.step(part.first, madeFacts({ pods: two }), madeAtMs);
    expect(next.actions).toEqual([]);
    expect(next.wakeAtMs).toBeGreaterThan(madeAtMs);
    expect(next.wakeAtMs).toBeLessThan(madeAtMs + 24 * hourMs);
  });

  it('releases one pod of a Deployment that can surge, with what puts it back written on it in the same patch', () => {
    const { actions } = look(madeFacts({ pods: two }));
    expect(actions).toHaveLength(1);
    const [action] = actions;
    expect(action).toMatchObject({ kind: 'patchPod', change: { labels: { 'pod-template-hash': null } } });
    const change = action?.kind === 'patchPod' ? action.change : undefined;
    expect(JSON.parse(change?.annotations?.['testudo.io/rotation'] ?? '')).toEqual({
      ...{ at: late, set: 'set-web', deployment: 'deployment-web', hash: 'h1' },
    });
  });

  it('takes the most suspicious first, and one that is not due yet when its risk has used up its time', () => {
    const risks = { 'uid-b': [{ atMs: madeAtMs + hourMs, risk: 1 }] };
    expect(look(madeFacts({ pods: two, risks })).actions).toMatchObject([{ pod: { name: 'b' } }]);
    const part = partWith();
    const due = part.step(part.first, madeFacts({ pods: two }), madeAtMs).wakeAtMs as number;
    const sooner = part.step(
      part.first,
      madeFacts({ pods: two, risks: { 'uid-a': risks['uid-b'], 'uid-b': risks['uid-b'] } }),
      madeAtMs,
    );
    expect(sooner.wakeAtMs).toBeLessThan(due);
  });

  it('takes the more exposed first among pods of equal risk, and never before one that is more suspicious', () => {
    const exposed = madePod('a', { exposedBy: ['PRIVILEGED', 'HOST_PID', 'HOST_IPC', 'HOST_NETWORK'] });
    const order = (pods: readonly PodFact[], risks: Readonly<Record<string, readonly RiskStep[]>> = {}) => {
      // The same draw for each: who goes first follows from what is known of them alone.
      const config = rotationConfig.parse({ mode: 'rotate' });
      const schedule = { ...makeSchedule(Buffer.alloc(32, 1), config), lifetimeMs: () => 10 * hourMs };
      const part = rotationPart({ config, schedule, isPaused: () => false });
      return part.step(part.first, madeFacts({ pods, risks }), late).actions.map(({ pod }) => pod.name);
    };
    expect(order([madePod('0'), exposed])).toEqual(['a']);
    expect(order([madePod('0'), madePod('a')])).toEqual(['0']);
    expect(order([madePod('0'), exposed], { 'uid-0': [{ atMs: madeAtMs + hourMs, risk: 1 }] })).toEqual(['0']);
  });

  it('evicts from a StatefulSet with the uid as a condition, and only as its budget allows', () => {
    const { actions } = look(madeFacts({ ...db, budgets: [dbBudget({})] }));
    expect(actions).toMatchObject([{ kind: 'evictPod', dryRun: false }]);
  });

  it.each<[string, Partial<Parameters<typeof madeFacts>[0]>, Partial<RotationConfig>, string]>([
    ['two budgets on one pod', { budgets: [madeBudget(), madeBudget({ uid: 'other' })] }, {}, 'PDB_MULTIPLE'],
    ['a budget that its controller has not seen', { budgets: [madeBudget({ isCurrent: false })] }, {}, 'PDB'],
    [
      'a budget with fewer healthy pods than it wants',
      { budgets: [madeBudget({ currentHealthy: 1, desiredHealthy: 2 })] },
      {},
      'PDB',
    ],
    ['a rollout that nobody has seen yet', { deployments: [madeDeployment({ generation: 2 })] }, {}, 'ROLLOUT'],
    [
      'a rollout with two sets of pods',
      { replicaSets: [madeSet(), madeSet({ uid: 'new', templateHash: 'h2' })] },
      {},
      'ROLLOUT',
    ],
    ['a rollout that failed', { deployments: [madeDeployment({ isProgressing: false })] }, {}, 'ROLLOUT'],
    [
      'a pod of the workload that is not ready',
      { pods: [two[0] as never, madePod('b', { isReady: false })] },
      {},
      'REPLACEMENT_UNREADY',
    ],
    ['a pod that is missing', { pods: [madePod('a')] }, {}, 'REPLACEMENT_UNREADY'],
    ['a cordoned node', { nodes: [{ uid: 'n', name: 'node-1', isCordoned: true }] }, {}, 'NODE_DRAINING'],
    ['another who evicts it', { pods: two.map((pod) => ({ ...pod, isDisrupted: true })) }, {}, 'NODE_DRAINING'],
    ['data of its own', { pods: two.map((pod) => ({ ...pod, localData: 'emptyDir' })) }, {}, 'LOCAL_DATA'],
    ['no owner', { pods: two.map((pod) => ({ ...pod, owner: null })) }, {}, 'KIND'],
    [
      'an owner nobody knows',
      {
        pods: two.map((pod) => ({
          ...pod,
          owner: { apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout', name: 'r', uid: 'rollout' },
        })),
      },
      {},
      'KIND',
    ],
    ['a mirror pod', { pods: two.map((pod) => ({ ...pod, isMirror: true })) }, {}, 'KIND'],
    [
      'an operator who opted it out',
      { pods: two.map((pod) => ({ ...pod, annotations: { 'testudo.io/rotation-mode': 'off' } })) },
      {},
      'PAUSED',
    ],
    ['a watch that is behind', { blindSinceMs: late - 1 }, {}, 'API_DOWN'],
    ['observe mode', {}, { mode: 'observe' }, 'OBSERVE'],
    ['a freeze', {}, { freezes: [{ from: '2027-01-01T00:00:00Z', to: '2027-02-01T00:00:00Z' }] }, 'FROZEN'],
    ['a closed window', {}, { windows: [{ days: [1], from: '01:00', to: '02:00' }] }, 'WINDOW'],
    [
      'a budget with nothing left, in evict mode',
      {
        deployments: [madeDeployment({ canSurge: false })],
        budgets: [madeBudget({ disruptionsAllowed: 0, desiredHealthy: 2 })],
      },
      {},
      'PDB_NONE_LEFT',
    ],
    [
      'a floor without a budget, in evict mode',
      { deployments: [madeDeployment({ canSurge: false })] },
      { minReady: 2 },
      'FLOOR',
    ],
  ])('leaves pods alone for %s, and says so', (_what, facts, settings, reason) => {
    const { actions, reasons } = look(madeFacts({ pods: two, ...facts }), settings);
    expect(actions).toEqual([]);
    expect(reasons.a).toBe(reason);
  });

  it('never evicts what is not running and ready: such an eviction asks no budget', () => {
    const pods = [madePod('a', { phase: 'Pending', isReady: false, readySinceMs: null }), madePod('b')];
    expect(look(madeFacts({ pods })).reasons).toEqual({ a: 'UNREADY', b: 'REPLACEMENT_UNREADY' });
  });

  it('begins nothing while somebody has paused it, and finishes what was begun', () => {
    expect(look(madeFacts({ pods: two }), {}, late, true)).toMatchObject({ actions: [], reasons: { a: 'PAUSED' } });
    const facts = madeFacts({ pods: [...two, releasedPod(late - 1_000)] });
    expect(look(facts, {}, late, true).actions).toMatchObject([{ kind: 'evictPod', pod: { name: 'old' } }]);
  });

  it('evicts a released pod once there are as many others, ready, as its workload wants, and its budget agrees', () => {
    const old = releasedPod(late - 1_000);
    const starting = madePod('b', { isReady: false, readySinceMs: null });
    expect(look(madeFacts({ pods: [madePod('a'), starting, old] })).actions).toEqual([]);
    const budget = madeBudget({ disruptionsAllowed: 0 });
    expect(look(madeFacts({ pods: [...two, old], budgets: [budget] })).reasons.old).toBe('PDB');
    expect(look(madeFacts({ pods: [...two, old], budgets: [madeBudget()] })).actions).toMatchObject([
      { kind: 'evictPod', pod: { name: 'old' } },
    ]);
  });

  it('leaves a pod to its quarantine that was begun, and one that waits for an operator no longer than the bound', () => {
    const old = releasedPod(late - 1_000);
    const found = (claim: 'begun' | 'waits', pods: readonly PodFact[], now: number) => {
      const claimed = Object.fromEntries(pods.map(({ uid }) => [uid, claim]));
      return look(madeFacts({ pods: [...new Set([...two, ...pods])], claimed }), {}, now);
    };
    expect(found('begun', [old], late)).toMatchObject({ actions: [], reasons: { old: 'QUARANTINED' } });
    expect(found('begun', two, late)).toMatchObject({ actions: [], reasons: { a: 'QUARANTINED', b: 'QUARANTINED' } });
    const beforeBound = madeAtMs + 24 * hourMs - 1;
    expect(found('waits', two, beforeBound)).toMatchObject({ actions: [], reasons: { a: 'QUARANTINED' } });
    expect(found('waits', two, beforeBound + 1).actions).toHaveLength(1);
    // What was not replaced in time goes back all the same: it is the same pod, and its quarantine goes on.
    const lateOne = releasedPod(late - 400_000);
    const claimed = { [lateOne.uid]: 'begun' } as const;
    expect(look(madeFacts({ pods: [madePod('a'), lateOne], claimed })).actions).toMatchObject([{ kind: 'patchPod' }]);
  });

  it('puts a pod back whose replacement is late, and leaves the workload alone for a while', () => {
    const old = releasedPod(late - 400_000);
    const { actions } = look(madeFacts({ pods: [madePod('a'), old] }));
    const failed = `${late} SURGE_REFUSED`;
    expect(actions).toMatchObject([
      {
        kind: 'patchPod',
        change: { labels: { 'pod-template-hash': 'h1' }, annotations: { 'testudo.io/rotation-failed': failed } },
      },
    ]);
    const back = madePod('old', { annotations: { 'testudo.io/rotation-failed': failed } });
    expect(look(madeFacts({ pods: [madePod('a'), back] }), {}, late + 1_000).reasons.a).toBe('SURGE_REFUSED');
    expect(look(madeFacts({ pods: [madePod('a'), back] }), {}, late + 2 * hourMs).actions).toHaveLength(1);
  });

  it('begins nothing while a pod that was put back is not adopted yet: its ReplicaSet will end another one for it', () => {
    const back = madePod('old', { owner: null, annotations: { 'testudo.io/rotation-failed': `${late} PDB` } });
    const facts = madeFacts({ pods: [...two, back], budgets: [madeBudget()] });
    expect(look(facts, {}, late + 200)).toMatchObject({ actions: [], reasons: { a: 'PDB', b: 'PDB' } });
    expect(look(facts, {}, late + 2 * hourMs)).toMatchObject({ actions: [], reasons: { a: 'REPLACEMENT_UNREADY' } });
    // Nor does one go that was released before: those that stand in for it are one too many, and one of them ends.
    const released = releasedPod(late - 1_000);
    expect(look(madeFacts({ pods: [...two, { ...back, uid: 'uid-back' }, released] })).actions).toEqual([]);
    // Somebody's own pod without an owner holds up nobody.
    const bare = madePod('bare', { owner: null });
    expect(look(madeFacts({ pods: [...two, bare] })).actions).toHaveLength(1);
  });

  it('does not put a pod back to a ReplicaSet that wants none: that one would kill it without asking', () => {
    const old = releasedPod(late - 400_000);
    const replicaSets = [madeSet({ replicas: 0 }), madeSet({ uid: 'new', templateHash: 'h2' })];
    const { actions, reasons } = look(madeFacts({ pods: [madePod('a'), old], replicaSets }));
    expect(actions).toEqual([]);
    expect(reasons.old).toBe('ROLLOUT');
  });

  it('removes a released pod whose Deployment is gone: nobody else would', () => {
    const facts = madeFacts({ pods: [releasedPod(late - 1_000)], deployments: [], replicaSets: [] });
    expect(look(facts).actions).toMatchObject([{ kind: 'evictPod', pod: { name: 'old' } }]);
  });

  it('waits as each kind of 429 asks for: for the budget to change, for its controller, for the whole server', () => {
    const facts = madeFacts({ ...db, budgets: [dbBudget({})] });
    const asksAfter = (code: ClusterFaultCode, retryAfterMs: number | null, changed: Facts, ms: number) => {
      const { part, state, actions } = look(facts);
      const heard = part.heard(state, actions[0] as never, answered(code, retryAfterMs), late);
      return part.step(heard, changed, late + ms).actions.length;
    };
    const moved = madeFacts({ ...db, budgets: [dbBudget({})] }); // Equal, and another object: a new event.
    const asks = (code: ClusterFaultCode, retry: number | null, ms: number) => asksAfter(code, retry, facts, ms);
    expect(asks('BUDGET_NONE_LEFT', null, 60_000)).toBe(0); // Not for another pod either.
    expect(asksAfter('BUDGET_NONE_LEFT', null, moved, 1)).toBe(1);
    expect(asks('BUDGET_UNOBSERVED', 10_000, 9_999)).toBe(0);
    expect(asksAfter('BUDGET_UNOBSERVED', 10_000, moved, 9_999)).toBe(0);
    expect(asks('BUDGET_UNOBSERVED', 10_000, 10_000)).toBe(1);
    expect(asks('THROTTLED', 7_000, 6_999)).toBe(0);
    expect(asks('THROTTLED', 7_000, 7_000)).toBe(1);
    expect(asks('CREDENTIALS_REFUSED', null, 9_999)).toBe(0);
    expect(asks('FORBIDDEN', null, 299_000)).toBe(0);
    expect(asks('FORBIDDEN', null, 301_000)).toBe(1);
    expect(asks('NAMESPACE_TERMINATING', null, 300_000)).toBe(0);
  });

  it('asks nobody else to go while one is on its way, whatever the answer was, until the facts show it', () => {
    const facts = madeFacts({ ...db, budgets: [dbBudget({})] });
    for (const code of [null, 'OUTCOME_UNKNOWN'] as const) {
      const { part, state, actions } = look(facts);
      const heard = part.heard(state, actions[0] as never, answered(code), late);
      expect(part.step(heard, facts, late + 20_000).actions).toEqual([]);
    }
  });

  it('counts those that it has just begun against the floor of a workload that loses one first', () => {
    const pods = Array.from({ length: 4 }, (_, at) => madePod(`p${at}`, { node: `node-${at}` }));
    const facts = madeFacts({
      pods,
      replicaSets: [madeSet({ replicas: 4 })],
      deployments: [madeDeployment({ replicas: 4, updatedReplicas: 4, canSurge: false })],
    });
    const maxInFlight = { workload: 4, node: 4, cluster: 4 };
    const begun = (minReady?: number) => look(facts, { maxInFlight, minReady }).actions.length;
    expect([begun(), begun(2), begun(4)]).toEqual([1, 2, 0]);
  });

  it('holds its limits by workload, node and cluster', () => {
    const many = Array.from({ length: 6 }, (_, at) => madePod(`p${at}`, { node: `node-${at % 2}` }));
    const facts = madeFacts({
      pods: many,
      replicaSets: [madeSet({ replicas: 6 })],
      deployments: [madeDeployment({ replicas: 6, updatedReplicas: 6 })],
    });
    const count = (workload: number, node: number, cluster: number) =>
      look(facts, { maxInFlight: { workload, node, cluster } }).actions.length;
    expect([count(1, 6, 6), count(6, 1, 6), count(6, 6, 3), count(6, 6, 6)]).toEqual([1, 2, 3, 6]);
  });
});

function releasedPod(atMs: number) {
  const begun = { at: atMs, set: 'set-web', deployment: 'deployment-web', hash: 'h1' };
  const labels = { app: 'web', 'testudo.io/rotating': 'x' };
  return madePod('old', { owner: null, labels, annotations: { 'testudo.io/rotation': JSON.stringify(begun) } });
}
