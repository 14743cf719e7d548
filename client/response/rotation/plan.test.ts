import { describe, expect, it } from 'vitest';
import { type LastingCode, lastingCodes } from '../../posture/exposure.ts';
import type { BudgetFact, PodFact } from '../cluster/facts.ts';
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
import { InFlight } from './in-flight.ts';
import { type Memory, nothingRemembered } from './memory.ts';
import { type PlanInput, plan } from './plan.ts';
import { rotationConfig } from './rotation-config.ts';
import { budgetsOf, workloadsOf } from './workloads.ts';

const hour = 3_600_000;
const nowMs = madeAtMs + 10 * hour;
/** Two of a Deployment that may surge; of a StatefulSet three, which may not. */
const web = (name: string, more: Partial<PodFact> = {}) => madePod(name, more);
const db = (name: string, more: Partial<PodFact> = {}) => madePod(name, { ...ofStatefulSet, ...more });
const dbs = (more: Partial<PodFact> = {}) => [db('db-0', more), db('db-1'), db('db-2')];

type Given = Readonly<{
  facts?: Partial<Parameters<typeof madeFacts>[0]>;
  config?: Parameters<typeof rotationConfig.parse>[0] & object;
  memory?: Partial<Memory>;
  /** By the pod's name; an hour unless given. */
  lifetimes?: Readonly<Record<string, number>>;
  more?: Partial<PlanInput>;
}>;

function planned(
  pods: readonly PodFact[],
  { facts = {}, config = {}, memory = {}, lifetimes = {}, more = {} }: Given = {},
) {
  const made = madeFacts({ pods, statefulSets: [madeStatefulSet()], ...facts });
  const settings = rotationConfig.parse({
    mode: 'rotate',
    riskWeight: 0,
    postureWeight: 0,
    localData: 'lose',
    ...config,
  });
  const input: PlanInput = {
    ...{ facts: made, config: settings, memory: { ...nothingRemembered, ...memory }, ...workloadsOf(made, nowMs) },
    ...{
      budgetsFor: budgetsOf(made),
      inFlight: new InFlight(settings.maxInFlight),
      released: new Set(),
      paused: false,
    },
    schedule: { lifetimeMs: ({ name }: PodFact) => lifetimes[name] ?? hour } as unknown as PlanInput['schedule'],
    ...more,
  };
  return plan(input, nowMs);
}
const briefly = (...given: Parameters<typeof planned>) => {
  const { rotate, wait } = planned(...given);
  return [...rotate.map(({ pod }) => pod.name), ...wait.map(({ pod, reason }) => `${pod.name} ${reason}`)];
};
/** Of two pods of which the other is not due. */
const one = (more: Partial<PodFact>, given: Given = {}) =>
  briefly([web('a', more), web('b')], { lifetimes: { b: 100 * hour }, ...given })[0];
const ofDb = (given: Given, more: Partial<PodFact> = {}) =>
  briefly(dbs(more), { lifetimes: { 'db-1': 100 * hour, 'db-2': 100 * hour }, ...given })[0];

describe('plan', () => {
  it('rotates what is due to the millisecond, and says when the next is', () => {
    const lifetimes = { a: 10 * hour, b: 10 * hour + 1 };
    const { rotate, wait, nextMs } = planned([web('a'), web('b')], { lifetimes });
    expect(rotate.map(({ pod, dueMs, workload, budget }) => [pod.name, dueMs, workload.uid, budget])).toEqual([
      ['a', nowMs, 'deployment-web', undefined],
    ]);
    expect(wait).toEqual([]);
    expect(nextMs).toBe(nowMs + 1);
    const later = planned([web('a'), web('b')], { lifetimes: { a: 12 * hour, b: 11 * hour } });
    expect([later.rotate, later.nextMs]).toEqual([[], madeAtMs + 11 * hour]);
  });

  it('waits for no pod that nobody would replace, and for no released one', () => {
    const bare = madePod('bare', { owner: null });
    expect(planned([bare], { lifetimes: { bare: 12 * hour } }).nextMs).toBeNull();
    expect(planned([web('a'), web('b')], { more: { released: new Set(['uid-a', 'uid-b']) } })).toEqual({
      ...{ rotate: [], wait: [], nextMs: null },
    });
  });

  it('looks again when the calendar changes, if that is sooner', () => {
    const freezes = [{ from: new Date(nowMs + 2 * hour).toISOString(), to: new Date(nowMs + 3 * hour).toISOString() }];
    const next = (b: number) => planned([web('a'), web('b')], { lifetimes: { b }, config: { freezes } }).nextMs;
    expect([next(11 * hour), next(13 * hour)]).toEqual([madeAtMs + 11 * hour, nowMs + 2 * hour]);
    expect(planned([], { config: { freezes } }).nextMs).toBe(nowMs + 2 * hour);
  });

  it('begins with the riskiest, then the longest due, then the most exposed, then by uid', () => {
    const wide = { config: { maxInFlight: { workload: 9, node: 9, cluster: 9 } } };
    const order = (pods: PodFact[], given: Given = {}) =>
      briefly(pods, {
        ...wide,
        facts: {
          deployments: [madeDeployment({ replicas: pods.length, updatedReplicas: pods.length })],
          replicaSets: [madeSet({ replicas: pods.length })],
        },
        ...given,
      });
    const risks = {
      'uid-c': [
        { atMs: madeAtMs, risk: 1 },
        { atMs: madeAtMs + 1, risk: 3 },
      ],
      'uid-b': [{ atMs: madeAtMs, risk: 2 }],
    };
    const three = {
      deployments: [madeDeployment({ replicas: 3, updatedReplicas: 3 })],
      replicaSets: [madeSet({ replicas: 3 })],
    };
    expect(order([web('a'), web('b'), web('c')], { facts: { ...three, risks } })).toEqual(['c', 'b', 'a']);
    expect(order([web('a'), web('b'), web('c')], { lifetimes: { b: hour / 2 } })).toEqual(['b', 'a', 'c']);
    expect(order([web('c'), web('a'), web('b')])).toEqual(['a', 'b', 'c']);
    const exposed = web('c', { exposedBy: [lastingCodes[0] as LastingCode] });
    expect(order([web('a'), exposed, web('b')])).toEqual(['c', 'a', 'b']);
  });

  it('begins no more than may be under way, and says so of the others', () => {
    const wide = { maxInFlight: { workload: 2, node: 9, cluster: 9 } };
    expect(briefly([web('a'), web('b')])).toEqual(['a', 'b BUDGET']);
    expect(briefly([web('a'), web('b')], { config: wide })).toEqual(['a', 'b']);
    const ofNode = { maxInFlight: { workload: 2, node: 1, cluster: 9 } };
    expect(briefly([web('a'), web('b')], { config: ofNode })).toEqual(['a', 'b BUDGET']);
    expect(briefly([web('a'), web('b', { node: 'node-2' })], { config: ofNode })).toEqual(['a', 'b']);
    const two = [madeBudget()];
    expect(briefly([web('a'), web('b')], { config: wide, facts: { budgets: two } })).toEqual(['a', 'b BUDGET']);
  });

  it('only says what it would do where it observes', () => {
    expect(one({}, { config: { mode: 'observe' } })).toBe('a OBSERVE');
  });
});

describe('a pod that is due waits', () => {
  it.each<[string, Partial<PodFact>, Given?]>([
    ['a ENDING', { isDeleting: true, labels: { 'testudo.io/quarantined': 'yes' } }],
    [
      'a QUARANTINED',
      { labels: { app: 'web', 'pod-template-hash': 'h1', 'testudo.io/quarantined': 'yes' }, isMirror: true },
    ],
    ['a KIND', { isMirror: true, annotations: { 'testudo.io/rotation-mode': 'off' } }],
    ['a KIND', { owner: null }],
    ['a KIND', { labels: { app: 'web' } }],
    ['a PAUSED', { annotations: { 'testudo.io/rotation-mode': 'off' }, isDisrupted: true }],
    ['a NODE_DRAINING', { isDisrupted: true, phase: 'Pending' }],
    ['a NODE_DRAINING', {}, { facts: { nodes: [{ uid: 'n', name: 'node-1', isCordoned: true }] } }],
    ['a', {}, { facts: { nodes: [{ uid: 'n', name: 'node-1', isCordoned: false }] } }],
    ['a UNREADY', { phase: 'Pending' }],
    ['a UNREADY', { isReady: false }],
    ['a LOCAL_DATA', { localData: 'emptyDir' }, { config: { localData: 'skip' } }],
    ['a', { localData: 'emptyDir' }, { config: { localData: 'lose' } }],
    ['a', {}, { config: { localData: 'skip' } }],
  ])('as "%s", for what is with it itself: %j', (said, more, given) => {
    expect(one(more, given)).toBe(said);
  });

  const hold = (reason: string) => ({ reason, untilMs: nowMs + 1 }) as never;
  it.each<[string, Given]>([
    ['a API_DOWN', { facts: { blindSinceMs: 1 }, more: { paused: true } }],
    ['a PAUSED', { more: { paused: true }, memory: { everywhere: hold('RBAC') } }],
    ['a FROZEN', { config: { freezes: [{ from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z' }] } }],
    ['a RBAC', { memory: { everywhere: hold('RBAC') } }],
    ['a NAMESPACE_ENDING', { memory: { namespaces: new Map([['shop', hold('NAMESPACE_ENDING')]]) } }],
    ['a', { memory: { namespaces: new Map([['other', hold('NAMESPACE_ENDING')]]) } }],
    ['a SURGE_REFUSED', { memory: { holds: new Map([['uid-a', hold('SURGE_REFUSED')]]) } }],
    ['a PDB', { facts: { budgets: [madeBudget()] }, memory: { holds: new Map([['budget-web', hold('PDB')]]) } }],
    ['a', { memory: { holds: new Map([['uid-b', hold('SURGE_REFUSED')]]) } }],
  ])('as "%s", for what is everywhere or was learnt: %j', (said, given) => {
    expect(one({}, given)).toBe(said);
  });

  const sized = (agoMs: number) => ({ sizes: new Map([['deployment-web', { desired: 2, sinceMs: nowMs - agoMs }]]) });
  const awaiting = (uid: string, agoMs: number, isOurs = true) =>
    ({ awaiting: new Map([[uid, { sinceMs: nowMs - agoMs, isOurs }]]) }) as Partial<Memory>;
  it.each<[string, Given]>([
    ['a ROLLOUT', { facts: { deployments: [madeDeployment({ generation: 2 })] } }],
    ['a ROLLOUT', { memory: sized(59_999) }],
    ['a', { memory: sized(60_000) }],
    [
      'a REPLACEMENT_UNREADY',
      {
        facts: {
          deployments: [madeDeployment({ replicas: 3, updatedReplicas: 3 })],
          replicaSets: [madeSet({ replicas: 3 })],
        },
      },
    ],
    ['a', { memory: awaiting('deployment-web', 300_000) }],
    ['a REPLACEMENT_UNREADY', { memory: awaiting('deployment-web', 300_001) }],
    ['a', { memory: awaiting('deployment-web', 300_001, false) }],
    ['a', { memory: awaiting('another', 300_001), config: { failuresMax: 2 } }],
    ['a REPLACEMENT_UNREADY', { memory: awaiting('another', 300_001), config: { failuresMax: 1 } }],
  ])('as "%s", for what is with its workload: %j', (said, given) => {
    expect(one({}, given)).toBe(said);
  });

  it('for an hour after its workload failed, with the reason that stands on a pod of it', () => {
    const failed = (agoMs: number) => ({
      annotations: { 'testudo.io/rotation-failed': `${nowMs - agoMs} SURGE_REFUSED` },
    });
    expect(one(failed(hour - 1))).toBe('a SURGE_REFUSED');
    expect(one(failed(hour))).toBe('a');
  });

  it('as one that nobody would replace, though a rotation of it failed that nobody remembers', () => {
    const labels = { app: 'web', 'pod-template-hash': 'gone' };
    const annotations = { 'testudo.io/rotation-failed': `${nowMs - 1} PDB` };
    expect(briefly([madePod('bare', { owner: null, labels, annotations })])).toEqual(['bare KIND']);
  });

  it('where one of its workload is under way, before anything is said of the workload', () => {
    const begun = new InFlight({ workload: 1, node: 9, cluster: 9 });
    begun.add({ workload: 'deployment-web', node: 'node-9', budget: undefined });
    expect(one({}, { more: { inFlight: begun }, facts: { deployments: [madeDeployment({ generation: 2 })] } })).toBe(
      'a BUDGET',
    );
    const other = new InFlight({ workload: 1, node: 9, cluster: 9 });
    other.add({ workload: 'another', node: 'node-9', budget: undefined });
    expect(one({}, { more: { inFlight: other } })).toBe('a');
  });
});

describe('a disruption budget', () => {
  const budgets = (more: Partial<BudgetFact>, app = 'web') => ({
    facts: { budgets: [madeBudget({ selector: { matchLabels: { app }, matchExpressions: [] }, ...more })] },
  });

  it('lets a surge go on where so many are healthy as it asks for, whatever it allows', () => {
    expect(one({}, budgets({ currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 }))).toBe('a');
    expect(one({}, budgets({ currentHealthy: 1, desiredHealthy: 2 }))).toBe('a PDB');
    expect(one({}, budgets({ isCurrent: false }))).toBe('a PDB');
  });

  it('lets an eviction go on where it allows one, and says whether it ever could', () => {
    expect(ofDb(budgets({ disruptionsAllowed: 1, currentHealthy: 0, desiredHealthy: 9 }, 'db'))).toBe('db-0');
    expect(ofDb(budgets({ disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 2 }, 'db'))).toBe('db-0 PDB');
    expect(ofDb(budgets({ disruptionsAllowed: 0, currentHealthy: 3, desiredHealthy: 3 }, 'db'))).toBe(
      'db-0 PDB_NONE_LEFT',
    );
    expect(ofDb(budgets({ disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 3 }, 'db'))).toBe(
      'db-0 PDB_NONE_LEFT',
    );
  });

  it('stands alone: with two of them no pod is ever evicted', () => {
    const two = [madeBudget(), madeBudget({ uid: 'budget-2', name: 'second' })];
    expect(one({}, { facts: { budgets: two } })).toBe('a PDB_MULTIPLE');
  });
});

describe('without a budget', () => {
  it('an eviction leaves as many ready as the floor says: all but one, at least one, or what was set', () => {
    expect(ofDb({})).toBe('db-0');
    expect(ofDb({ config: { minReady: 2 } })).toBe('db-0');
    expect(ofDb({ config: { minReady: 3 } })).toBe('db-0 FLOOR');
    expect(ofDb({ config: { minReady: 9 } })).toBe('db-0 FLOOR');
    const single = (minReady?: number) =>
      briefly([db('db-0')], { facts: { statefulSets: [madeStatefulSet({ replicas: 1 })] }, config: { minReady } });
    expect([single(), single(0)]).toEqual([['db-0 FLOOR'], ['db-0']]);
    expect(one({}, { config: { minReady: 9 } })).toBe('a'); // A surge never has one less.
  });

  it('counts those that were just begun as gone', () => {
    const config = { maxInFlight: { workload: 9, node: 9, cluster: 9 } };
    expect(briefly(dbs(), { config })).toEqual(['db-0', 'db-1 FLOOR', 'db-2 FLOOR']);
    expect(briefly(dbs(), { config: { ...config, minReady: 1 } })).toEqual(['db-0', 'db-1', 'db-2 FLOOR']);
  });
});
