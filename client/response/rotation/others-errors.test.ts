/** Where others that replace pods have gone wrong: docs/response.md, "Why not now", says the reasons. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import type { Facts } from '../cluster/facts.ts';
import { SimulatedAgent } from '../simulation/simulated-agent.ts';
import { SimulatedApi } from '../simulation/simulated-api.ts';
import { addBudget, addStatefulSet } from '../simulation/simulated-workloads.ts';
import { SimulatedWorld } from '../simulation/simulated-world.ts';
import {
  madeAtMs,
  madeBudget,
  madeDeployment,
  madeFacts,
  madePod,
  madeSet,
  madeStatefulSet,
} from '../testing/made-facts.ts';
import { rotationPart } from './rotation.ts';
import { type RotationConfig, rotationConfig } from './rotation-config.ts';
import { makeSchedule } from './schedule.ts';

const minuteMs = 60_000;
/** After this every pod is due. */
const late = madeAtMs + 25 * 60 * minuteMs;

function partWith(settings: Partial<RotationConfig> = {}) {
  const config = { ...rotationConfig.parse({ mode: 'rotate' }), ...settings };
  return rotationPart({ config, schedule: makeSchedule(Buffer.alloc(32, 1), config), isPaused: () => false });
}

function look(facts: Facts, settings: Partial<RotationConfig> = {}) {
  const part = partWith(settings);
  const { actions, state } = part.step(part.first, facts, late);
  return {
    actions,
    reasons: Object.fromEntries((state.seen?.waits ?? []).map(({ pod, reason }) => [pod.name, reason])),
  };
}

describe('rotation beside what misled others', () => {
  it.each(['DaemonSet', 'Job', 'Rollout', 'Cluster'])(
    'leaves the pods of a %s alone: nobody replaces them as they must be',
    (kind) => {
      const owner = { apiVersion: 'any/v1', kind, name: 'x', uid: 'set-web-other' };
      expect(look(madeFacts({ pods: [madePod('a', { owner })] }))).toEqual({ actions: [], reasons: { a: 'KIND' } });
    },
  );

  it('waits after a change of size: an autoscaler and it would take turns', () => {
    const part = partWith({ settleSeconds: 60 });
    const sized = (replicas: number) =>
      madeFacts({
        pods: Array.from({ length: replicas }, (_, at) => madePod(`p${at}`)),
        replicaSets: [madeSet({ replicas })],
        deployments: [madeDeployment({ replicas, updatedReplicas: replicas })],
      });
    const before = part.step(part.first, sized(2), madeAtMs);
    const scaled = part.step(before.state, sized(3), late);
    expect(scaled.actions).toEqual([]);
    expect(scaled.state.seen?.waits.map(({ reason }) => reason)).toEqual(['ROLLOUT', 'ROLLOUT', 'ROLLOUT']);
    expect(part.step(scaled.state, sized(3), late + 59_000).actions).toEqual([]);
    expect(part.step(scaled.state, sized(3), late + 60_000).actions).toHaveLength(1);
  });

  it('counts a pod that never ends on a dead node as under way, names it, and asks for nothing more', () => {
    const labels = { app: 'web', 'testudo.io/rotating': 'x' };
    const begun = JSON.stringify({
      at: late - 60 * minuteMs,
      set: 'set-web',
      deployment: 'deployment-web',
      hash: 'h1',
    });
    const stuck = madePod('stuck', {
      ...{ owner: null, labels, annotations: { 'testudo.io/rotation': begun }, isDeleting: true },
    });
    const facts = madeFacts({ pods: [madePod('a'), madePod('b'), stuck] });
    const { actions, reasons } = look(facts, { maxInFlight: { workload: 1, node: 9, cluster: 9 } });
    expect(actions).toEqual([]);
    expect(reasons).toEqual({ stuck: 'ENDING', a: 'BUDGET', b: 'BUDGET' });
    expect(look(facts, { maxInFlight: { workload: 9, node: 9, cluster: 1 } }).actions).toEqual([]);
    // Of a workload that loses one first it is missing, and the others stay.
    const gone = [madePod('a'), madePod('b', { isDeleting: true })];
    const evict = look(madeFacts({ pods: gone, deployments: [madeDeployment({ canSurge: false })] }));
    expect(evict).toEqual({ actions: [], reasons: { a: 'BUDGET', b: 'ENDING' } });
  });

  it('counts a workload that lost a pod as under way until it is whole again, and as failed where that takes too long', () => {
    const named = (set: string, at: number) =>
      madePod(`${set}-${at}`, {
        owner: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: set, uid: `set-${set}` },
        labels: { app: set },
      });
    const all = ['a', 'b'].flatMap((set) => [named(set, 0), named(set, 1)]);
    const factsWith = (pods: readonly ReturnType<typeof madePod>[]) =>
      madeFacts({
        pods,
        statefulSets: ['a', 'b'].map((name) => madeStatefulSet({ uid: `set-${name}`, name, replicas: 2 })),
        ...{ replicaSets: [], deployments: [] },
      });
    const part = partWith({
      ...{ maxInFlight: { workload: 1, node: 9, cluster: 1 }, failuresMax: 1, replacementSecondsMax: 60 },
    });
    const begun = part.step(part.first, factsWith(all), late);
    expect(begun.actions).toMatchObject([{ kind: 'evictPod' }]);
    const pod = all.find(
      ({ uid }) => uid === (begun.actions[0] as { pod: { uid: string } }).pod.uid,
    ) as (typeof all)[0];
    const heard = part.heard(begun.state, begun.actions[0] as never, { ...ok(null), retryAfterMs: null }, late);
    const other = pod.labels.app === 'a' ? 'b-0' : 'a-0';
    const reasonAt = (atMs: number) => {
      const { actions, state } = part.step(heard, factsWith(all.filter(({ uid }) => uid !== pod.uid)), atMs);
      expect(actions).toEqual([]);
      return state.seen?.waits.find((one) => one.pod.name === other)?.reason;
    };
    expect(reasonAt(late + 1_000)).toBe('BUDGET');
    expect(reasonAt(late + 61_000)).toBe('REPLACEMENT_UNREADY');
    const replaced = all.map((one) => (one.uid === pod.uid ? { ...one, uid: 'new' } : one));
    expect(part.step(heard, factsWith(replaced), late + 61_000).actions).toHaveLength(1);
  });

  it('gives a pod back that it holds of a workload which wants none any more: its budget would keep it for ever', () => {
    const labels = { app: 'web', 'testudo.io/rotating': 'x' };
    const begun = JSON.stringify({
      at: late - 60 * minuteMs,
      set: 'set-web',
      deployment: 'deployment-web',
      hash: 'h1',
    });
    const last = madePod('last', { owner: null, labels, annotations: { 'testudo.io/rotation': begun } });
    const none = {
      pods: [last],
      replicaSets: [madeSet({ replicas: 0 })],
      deployments: [madeDeployment({ replicas: 0, updatedReplicas: 0 })],
    };
    const budget = madeBudget({ disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2 });
    expect(look(madeFacts({ ...none, budgets: [budget] })).actions).toMatchObject([
      {
        kind: 'patchPod',
        pod: { name: 'last' },
        change: { labels: { 'pod-template-hash': 'h1', 'testudo.io/rotating': null } },
      },
    ]);
    expect(look(madeFacts(none)).actions).toMatchObject([{ kind: 'evictPod', pod: { name: 'last' } }]);
  });

  it('asks a budget that counts the replacement as evicted, by its name, for two minutes, not once in between', async () => {
    const timers = new SimulatedTimers();
    const random = seededRandom(5);
    // As fast as kwok's nodes: a pod is gone, and one of its name there, before the budget's controller looks.
    const world = new SimulatedWorld(timers, random, { watchMs: 5, controllerMs: 300, startMs: [5, 10], graceMs: 1 });
    const api = new SimulatedApi(world);
    world.objects.nodes.set('node-1', { uid: 'node-1', name: 'node-1', isCordoned: false });
    addStatefulSet(world, 'db', 3);
    addBudget(world, 'db', 'db', { maxUnavailable: 1 });
    await timers.advance(minuteMs);
    const config = rotationConfig.parse({ mode: 'rotate', maxLifetimeMinutes: 10, replacementSecondsMax: 60 });
    const part = rotationPart({ config, schedule: makeSchedule(Buffer.alloc(32, 3), config), isPaused: () => false });
    let blockedMs = 0;
    const budget = [...world.objects.budgets.values()][0];
    const ready = () => [...world.objects.pods.values()].filter(({ isReady }) => isReady).length;
    const agent = new SimulatedAgent(world, api, 'agent', [part], false);
    for (let at = 0; at < 1_800; at += 1) {
      await timers.advance(1_000);
      // All of them are ready, and nothing may go: only the name of the one that went holds it.
      if (ready() === 3 && budget?.disrupted.size === 1 && budget.disruptionsAllowed === 0) blockedMs += 1_000;
    }
    agent.kill();
    expect(blockedMs).toBeGreaterThan(minuteMs); // Else it shows nothing.
    expect(api.deeds.length).toBeGreaterThan(6);
    expect(api.calls.evict).toBe(api.deeds.length);
  });

  it('makes nothing of what others write on pods: no text moves it to touch what it must not, or stops it', () => {
    const keys = fc.oneof(
      fc.constantFrom('testudo.io/rotating', 'testudo.io/rotation', 'testudo.io/rotation-failed', 'pod-template-hash'),
      fc.constantFrom(
        'testudo.io/quarantined',
        'testudo.io/rotation-mode',
        '__proto__',
        'constructor',
        'toString',
        'app',
      ),
      fc.string({ maxLength: 300 }),
    );
    const values = fc.oneof(
      fc.string({ maxLength: 500 }),
      fc.constantFrom(
        '{}',
        '[]',
        'null',
        '{"at":1e999}',
        '1 PDB',
        `${'9'.repeat(400)} PDB`,
        '{"at":-1,"set":"x"}',
        '\u001b[2J\u202e',
      ),
      fc.constantFrom(
        '{"at":1,"set":"set-web","deployment":"__proto__","hash":"h1"}',
        '{"at":1,"set":"","deployment":"","hash":""}',
      ),
    );
    const texts = fc.dictionary(keys, values, { maxKeys: 8, noNullPrototype: false });
    fc.assert(
      fc.property(
        texts,
        texts,
        fc.string({ maxLength: 300 }),
        fc.integer({ min: 0, max: 2 }),
        (labels, annotations, name, budgets) => {
          const hostile = madePod(name, { uid: 'hostile', owner: null, labels: { ...labels }, annotations });
          const own = [madePod('a'), madePod('b')];
          const facts = madeFacts({
            pods: [...own, hostile],
            budgets: Array.from({ length: budgets }, (_, at) => madeBudget({ uid: `budget-${at}` })),
          });
          const part = partWith();
          const { actions, state } = part.step(part.first, facts, late);
          const isReleased = state.seen?.waits.some(({ pod, reason }) => pod.uid === 'hostile' && reason !== 'KIND');
          // It has no owner: unless it bears the marks of a release it is nobody's, and those of its neighbours stay theirs.
          if (labels['testudo.io/rotating'] === undefined) {
            expect(isReleased ?? false).toBe(labels['testudo.io/quarantined'] !== undefined);
            expect(actions.filter(({ pod }) => pod.uid === 'hostile')).toEqual([]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
