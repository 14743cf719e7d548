import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { seededRandom } from '../../../base/random.ts';
import { parseClusterId } from '../../../proto/ids.ts';
import { firstResponsePolicy, type ResponsePolicy, responsePolicyInForce } from '../../../proto/response-policy.ts';
import { sighting } from '../simulation/sightings.ts';
import { closedBreaker, watchBreaker } from './breaker.ts';
import { budgetGone, type Spent, spend } from './budget.ts';
import { decide, type Situation } from './decide.ts';
import { alertsNeeded, falseActionsPerDay } from './false-alarms.ts';
import { independent, riskOf, riskSteps } from './sighting.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const now = Date.parse('2026-11-28T12:00:00Z');
const policy: ResponsePolicy = { ...firstResponsePolicy(now), level: 'enforce' };

describe('independent', () => {
  it('counts one alert once, and one thing seen again and again within a minute once', () => {
    const burst = Array.from({ length: 50 }, (_, n) => sighting({ atMs: now - 10 * minute + n * 1_000 }));
    expect(independent([...burst, ...burst], hour, now)).toHaveLength(1);
    const both = [sighting({ atMs: now - 5 }), sighting({ atMs: now - 4, track: 'flow' })];
    expect(independent(both, hour, now)).toHaveLength(2);
    expect(independent([sighting({ atMs: now - hour })], hour, now)).toHaveLength(0);
  });

  it('takes one of the future as of now: it gains nothing by its date', () => {
    const future = [1, 2, 3].map((n) => sighting({ atMs: now + n * day }));
    expect(independent(future, hour, now)).toHaveLength(1);
  });
});

describe('riskOf', () => {
  it('is 1 at a threshold, half of it half an hour later, and no more than 2 for one alert', () => {
    const at = (score: number, ageMs: number) => riskOf([sighting({ score, atMs: now - ageMs })], now);
    expect(at(1, 0)).toBe(1);
    expect(at(1, 30 * minute)).toBe(0.5);
    expect(at(1e9, 0)).toBe(2);
    expect(at(Number.NaN, 0)).toBe(1);
    expect(riskOf([], now)).toBe(0);
  });
});

describe('riskSteps', () => {
  const heard = [0, 2, 2.5, 31, 90].map((at, n) => sighting({ atMs: now + at * minute, score: 1 + n / 2 }));

  it('are what the risk was at each alert that speaks for itself', () => {
    const steps = riskSteps(heard);
    expect(steps.map(({ atMs }) => (atMs - now) / minute)).toEqual([0, 2, 31, 90]);
    for (const { atMs, risk } of steps) expect(risk).toBeCloseTo(riskOf(heard, atMs), 12);
  });

  it('stay as they are when more is heard, late alerts too: what was said of them is in a log', () => {
    const late = sighting({ atMs: now + 10 * minute });
    expect(riskSteps([...heard, late]).slice(0, 4)).toEqual(riskSteps(heard));
    expect(riskSteps([...heard.slice(0, 1), ...heard.slice(3, 4), late])).toHaveLength(2); // Within a minute of what counted.
    const other = { ...late, track: 'flows' };
    expect(riskSteps([...heard, other]).at(-1)?.atMs).toBe(now + 90 * minute);
  });
});

describe('alertsNeeded', () => {
  it('rises with the number of pods and with the false alarms that are reckoned with', () => {
    const demand = { alertsMin: 1, windowMs: 10 * minute, falseAlertsPerPodDay: 1, falseActionsPerDay: 0.1 };
    // One pod a day may alert by mistake: 1,000 pods with one alert each are 1,000 actions a day, with two 6.9.
    expect(falseActionsPerDay(demand, 1_000, 1)).toBe(1_000);
    expect(falseActionsPerDay(demand, 1_000, 2)).toBeCloseTo(1_000 * (1 - Math.exp(-1 / 144)), 9);
    expect([1, 10, 1_000, 100_000].map((pods) => alertsNeeded(demand, pods))).toEqual([2, 2, 3, 4]);
    expect(alertsNeeded({ ...demand, alertsMin: 5 }, 10)).toBe(5);
    expect(alertsNeeded({ ...demand, falseActionsPerDay: 10_000 }, 10)).toBe(1);
    expect(alertsNeeded({ ...demand, falseAlertsPerPodDay: 10_000 }, 1_000)).toBeGreaterThan(70);
  });

  it('is what docs/response.md says of the example policy', () => {
    const { evidence } = firstResponsePolicy(now);
    const pods = [1, 4, 5, 467, 468, 67_399, 67_400];
    expect(pods.map((count) => alertsNeeded(evidence, count))).toEqual([2, 2, 3, 3, 4, 4, 5]);
  });

  it('keeps the budget of false actions on days of false alarms alone', () => {
    const demand = { alertsMin: 1, windowMs: 30 * minute, falseAlertsPerPodDay: 4, falseActionsPerDay: 1 };
    const [pods, days] = [50, 40];
    const needed = alertsNeeded(demand, pods);
    const random = seededRandom(7);
    let actions = 0;
    for (let pod = 0; pod < pods; pod += 1) {
      const times: number[] = [];
      for (let at = 0; at < days * day; ) {
        at += (-Math.log(1 - random()) * day) / demand.falseAlertsPerPodDay;
        times.push(at);
      }
      for (const [n, at] of times.entries()) {
        const before = times[n - (needed - 1)];
        if (needed === 1 || (before !== undefined && before > at - demand.windowMs)) actions += 1;
      }
    }
    const expected = falseActionsPerDay(demand, pods, needed) * days;
    expect(expected).toBeLessThanOrEqual(demand.falseActionsPerDay * days);
    // Five standard deviations around what the formula says, so that the formula itself is held.
    expect(Math.abs(actions - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1);
    expect(falseActionsPerDay(demand, pods, needed - 1)).toBeGreaterThan(demand.falseActionsPerDay);
  });
});

describe('budgetGone', () => {
  const { budgets } = policy;
  const whom = { namespace: 'shop', workload: 'web' };

  it('says which budget is spent, and until when', () => {
    const spent: Spent[] = [{ uid: 'a', atMs: now - 10 * minute, ...whom }];
    expect(budgetGone(spent, budgets, whom, now)).toEqual({
      scope: 'workload',
      span: 'hour',
      max: 1,
      untilMs: now + 50 * minute,
    });
    expect(budgetGone(spent, budgets, { ...whom, workload: 'db' }, now)).toBeUndefined();
    const none = { ...budgets, cluster: { hour: 0, day: 0 } };
    expect(budgetGone([], none, whom, now)).toMatchObject({ scope: 'cluster', untilMs: Number.POSITIVE_INFINITY });
  });

  it('is broken in no hour and no day, whatever is tried when, also by a clock that goes back', () => {
    const trial = fc.record({
      afterMs: fc.integer({ min: -2 * hour, max: 3 * hour }),
      namespace: fc.constantFrom('shop', 'bank'),
      workload: fc.constantFrom('web', 'db', 'mail'),
    });
    fc.assert(
      fc.property(fc.array(trial, { maxLength: 80 }), (trials) => {
        let spent: readonly Spent[] = [];
        const all: Spent[] = [];
        let at = now;
        for (const [n, { afterMs, ...who }] of trials.entries()) {
          at += afterMs;
          const gone = budgetGone(spent, budgets, who, at);
          if (gone !== undefined) {
            // What it says of the end holds: until then it is refused, and its reason is true.
            expect(gone.untilMs).toBeGreaterThan(at);
            continue;
          }
          const one = { uid: `u${n}`, atMs: at, ...who };
          spent = spend(spent, one);
          all.push(one);
          // Of those begun so far, no more than the budget stand in any hour or day that ends now.
          for (const [spanMs, span] of [[hour, 'hour'] as const, [day, 'day'] as const]) {
            const within = all.filter((other) => other.atMs > at - spanMs && spent.includes(other));
            expect(within.length).toBeLessThanOrEqual(budgets.cluster[span]);
            for (const workload of ['web', 'db', 'mail']) {
              const mine = within.filter((other) => other.namespace === who.namespace && other.workload === workload);
              expect(mine.length).toBeLessThanOrEqual(budgets.workload[span]);
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('counts a pod once, and forgets what is older than a day', () => {
    const one = { uid: 'a', atMs: now, ...whom };
    expect(spend([one], { ...one, atMs: now + 5 })).toEqual([one]);
    expect(spend([one], { ...one, uid: 'b', atMs: now + day }).map(({ uid }) => uid)).toEqual(['b']);
  });
});

describe('decide', () => {
  const two = [sighting({ atMs: now - 10 * minute }), sighting({ atMs: now - minute, track: 'flow' })];
  const situation = (change: Partial<Situation> = {}): Situation => ({
    cluster: parseClusterId('eu-1'),
    namespace: 'shop',
    workload: 'web',
    sightings: two,
    policy: ok(policy),
    cap: 'enforce',
    breaker: closedBreaker,
    spent: [],
    pods: 3,
    isApproved: false,
    ...change,
  });

  it('enforces on two alerts of two tracks, and never on one unless the policy says so', () => {
    expect(decide(situation(), now)).toEqual({ kind: 'enforce', alerts: two });
    expect(decide(situation({ sightings: two.slice(0, 1) }), now)).toEqual({ kind: 'quiet', alerts: 1, needed: 2 });
    const alone = { ...policy, evidence: { ...policy.evidence, alertsMin: 1, falseActionsPerDay: 10 } };
    expect(decide(situation({ sightings: two.slice(0, 1), policy: ok(alone) }), now).kind).toBe('enforce');
  });

  it('is capped by the policy and by the cluster itself, whichever is weaker', () => {
    const levels = ['observe', 'ask', 'enforce'] as const;
    const kinds = levels.map((level) =>
      levels.map((cap) => decide(situation({ cap, policy: ok({ ...policy, level }) }), now).kind),
    );
    expect(kinds).toEqual([
      ['held', 'held', 'held'],
      ['held', 'ask', 'ask'],
      ['held', 'ask', 'enforce'],
    ]);
  });

  it('says until when it asks: as long as those alerts are enough, and a policy is in force', () => {
    const { windowMs } = policy.evidence;
    const asked = { cap: 'ask' as const, sightings: [...two, sighting({ atMs: now - minute / 2 })] };
    const until = (at: number) => decide(situation({ ...asked, sightings: asked.sightings.slice(at) }), now);
    // The oldest of three may leave the window, and of two none.
    expect(until(0)).toMatchObject({ kind: 'ask', untilMs: now - minute + windowMs });
    expect(until(1)).toMatchObject({ kind: 'ask', untilMs: now - minute + windowMs });
    const ending = ok({ ...policy, expiresAtMs: now + 5 });
    expect(decide(situation({ ...asked, policy: ending }), now)).toMatchObject({ untilMs: now + 5 });
    for (const atMs of [now - minute + windowMs - 1, now - minute + windowMs]) {
      const kind = decide(situation(asked), atMs).kind;
      expect(kind).toBe(atMs < now - minute + windowMs ? 'ask' : 'quiet');
    }
  });

  it('does what was approved where the level is ask, and nothing that observe, the breaker or a budget hold back', () => {
    const ask = { policy: ok({ ...policy, level: 'ask' as const }), isApproved: true };
    expect(decide(situation(ask), now).kind).toBe('enforce');
    expect(decide(situation({ ...ask, sightings: [] }), now).kind).toBe('enforce');
    expect(decide(situation({ isApproved: true, cap: 'observe' }), now)).toMatchObject({
      back: { because: 'OBSERVE' },
    });
    const open = { atMs: now, track: 'syscall', version: 3, why: 'too much' };
    const broken = decide(situation({ ...ask, breaker: { ...closedBreaker, open } }), now);
    expect(broken).toEqual({ kind: 'held', back: { because: 'BREAKER', why: 'too much' } });
    const spent = [{ uid: 'x', atMs: now, namespace: 'shop', workload: 'web' }];
    expect(decide(situation({ ...ask, spent }), now)).toMatchObject({ back: { because: 'BUDGET' } });
  });

  it('does nothing without a policy in force', () => {
    for (const [value, code] of [
      [undefined, 'RESPONSE_POLICY_ABSENT'],
      [{}, 'RESPONSE_POLICY_INVALID'],
    ] as const) {
      const decided = decide(situation({ policy: responsePolicyInForce(value, now), isApproved: true }), now);
      expect(decided).toMatchObject({ kind: 'held', back: { because: 'POLICY', fault: { code } } });
    }
  });

  it('lets a poisoned model that flags every pod quarantine no more than the budget, and then nothing', () => {
    // 300 pods in 100 workloads, two alerts of each within seconds: what the cluster would lose without breaker and budget.
    let breaker = closedBreaker;
    let spent: readonly Spent[] = [];
    const alerts = Array.from({ length: 300 }, (_, n) => {
      const who = { workload: `w${n % 100}`, pod: `w${n % 100}-${n}` };
      return [sighting({ ...who, atMs: now + n * 10 }), sighting({ ...who, atMs: now + n * 10 + 70_000 })];
    });
    let enforced = 0;
    const heard: ReturnType<typeof sighting>[] = [];
    const late = alerts.flat().sort((a, b) => a.atMs - b.atMs);
    for (const alert of late) {
      heard.push(alert);
      breaker = watchBreaker(breaker, heard, 300, policy.breaker, alert.atMs);
      const mine = heard.filter(({ pod }) => pod === alert.pod);
      const { workload } = alert;
      const decided = decide(situation({ workload, sightings: mine, breaker, spent, pods: 300 }), alert.atMs);
      if (decided.kind !== 'enforce') continue;
      enforced += 1;
      spent = spend(spent, { uid: alert.pod, atMs: alert.atMs, namespace: 'shop', workload });
    }
    expect(breaker.open).not.toBeNull();
    expect((breaker.open?.atMs ?? 0) - now).toBeLessThan(minute);
    expect(enforced).toBe(0);
  });
});
