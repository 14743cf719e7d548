import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ok } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { tempDir } from '../../../coordinator/testing/temp-dir.ts';
import { parseClusterId } from '../../../proto/ids.ts';
import { firstResponsePolicy } from '../../../proto/response-policy.ts';
import { closedBreaker } from '../ladder/breaker.ts';
import { sighting } from '../simulation/sightings.ts';
import { madeAtMs, madeFacts, madePod } from '../testing/made-facts.ts';
import { Desk } from './desk.ts';
import type { Memory } from './memory.ts';
import type { Order } from './orders.ts';
import { quarantinePart } from './part.ts';
import type { Seen } from './seen.ts';

const minuteMs = 60_000;
const now = madeAtMs + 86_400_000;
const uid = 'uid-web-1';
const policy = { ...firstResponsePolicy(madeAtMs), level: 'ask' as const };
const { windowMs } = policy.evidence;
const nothing: Memory = { spent: [], breaker: closedBreaker, begun: [] };

/** What one look wants, and how it sees the pod, where one alert has come and an operator approved, or lifted, at that moment. */
function look(atMs: number, memory: Memory = nothing, kind: 'approve' | 'lift' = 'approve') {
  const order: Order = { kind, uid, by: 'ada', reason: 'looked at it', atMs };
  let seen: Seen | undefined;
  const part = quarantinePart({
    inputs: () => ({
      ...{ cluster: parseClusterId('eu-1'), cap: 'enforce', sightings: [sighting({ atMs: now - minuteMs })] },
      ...{ running: [], orders: [order], policy: ok(policy), memory, isShared: true },
    }),
    perform: () => {
      throw new Error('nothing is performed here');
    },
    onSeen: (looked) => {
      seen = looked;
    },
  });
  const { actions } = part.step(part.first, madeFacts({ pods: [madePod('web-1')] }), now);
  const ids = actions.map(({ id }) => id).filter((id) => id !== 'breaker');
  return [seen?.suspects.map(({ state }) => state), ids];
}

it('an approval is followed for as long as the alerts count that its giver saw, and is let go then', () => {
  expect(look(now)).toEqual([['begun'], [`record/${uid}`]]);
  expect(look(now - windowMs + 1)).toEqual([['begun'], [`record/${uid}`]]);
  // As in the folder of an agent that leads a day after it was given.
  expect(look(now - windowMs)).toEqual([['quiet'], [`order/approve/${uid}`]]);
});

it('what an approval began goes on, however long the disruption budgets make it wait', () => {
  const begun = [{ uid, atMs: now - 2 * windowMs, evidence: 'sha256:1', alerts: [] }];
  expect(look(now - 3 * windowMs, { ...nothing, begun })).toEqual([['begun'], [`check/${uid}`]]);
});

it('a lift of what has not begun is let go, and ends no quarantine that begins later; of what has begun it stays', () => {
  expect(look(now, nothing, 'lift')).toEqual([['quiet'], [`order/lift/${uid}`]]);
  const begun = [{ uid, atMs: now, evidence: 'sha256:1', alerts: [] }];
  expect(look(now, { ...nothing, begun }, 'lift')).toEqual([['quiet'], []]);
});

it('a word to resume closes no breaker that opened after it', async () => {
  const timers = new SimulatedTimers(now);
  const folder = tempDir();
  const desk = await Desk.open({
    ...{ dataDirectory: join(folder, 'agent'), dataKey: Buffer.alloc(32, 5), cluster: 'eu-1', timers },
    send: () => Promise.reject(new Error('nobody is asked here')),
    orders: { done: async () => undefined },
    shared: { seen: () => undefined, keep: async () => ok(undefined) },
  });
  const open = { track: 'syscall', version: 3, atMs: now - minuteMs, why: 'too much' };
  await desk.perform({ kind: 'own', id: 'breaker', do: 'breaker', breaker: { ...closedBreaker, open } });
  const resume = async (atMs: number) => {
    const order: Order = { kind: 'resume', uid: '', by: 'ada', reason: 'looked at it', atMs };
    expect(await desk.perform({ kind: 'own', id: 'order', do: 'order', order })).toMatchObject({ ok: true });
    return desk.memory.breaker.open;
  };
  expect(await resume(now - 2 * minuteMs)).toEqual(open);
  expect(await resume(now)).toBeNull();
});
