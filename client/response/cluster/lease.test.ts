import { describe, expect, it } from 'vitest';
import { ok, refuse } from '../../../base/fault.ts';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { LeaseElection } from './lease.ts';
import type { Send } from './send.ts';

/** A server that holds one lease, with the API's rule: a write names the version that it replaces. */
function leaseServer() {
  let lease: Record<string, Record<string, unknown>> | undefined;
  let version = 0;
  let isDown = false;
  const reply = (status: number, value: unknown) =>
    ok({ status, text: JSON.stringify(value), retryAfterSeconds: null });
  const send: Send = async ({ method, body }) => {
    if (isDown) return refuse('KUBE_UNREACHABLE', 'down');
    if (method === 'GET') return lease === undefined ? reply(404, {}) : reply(200, lease);
    const sent = body as Record<string, Record<string, unknown>>;
    const before = sent.metadata?.resourceVersion;
    if (method === 'POST' ? lease !== undefined : before !== lease?.metadata?.resourceVersion) return reply(409, {});
    version += 1;
    lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(version) } };
    return reply(200, lease);
  };
  return {
    send,
    down(now: boolean) {
      isDown = now;
    },
    get: () => lease,
  };
}

const times = { namespace: 'n', name: 'l', durationMs: 15_000, renewWithinMs: 10_000, retryMs: 2_000 };

function two() {
  const server = leaseServer();
  const timers = new SimulatedTimers();
  const of = (holder: string) => new LeaseElection({ ...times, holder }, server.send, timers);
  return { server, timers, a: of('a'), b: of('b') };
}

describe('LeaseElection', () => {
  it('lets one lead, and the other follow when nothing was heard of the first for as long as the lease lasts', async () => {
    const { server, timers, a, b } = two();
    await a.look();
    await b.look();
    expect([a.isHeld(), b.isHeld()]).toEqual([true, false]);
    await timers.advance(9_000);
    await a.look(); // Renewed: whoever waits counts from here.
    await b.look();
    await timers.advance(14_999);
    await b.look();
    expect(b.isHeld()).toBe(false);
    await timers.advance(1);
    await b.look();
    expect([a.isHeld(), b.isHeld()]).toEqual([false, true]);
    expect(server.get()?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  it('leaves what others wrote on it: labels, and an owner', async () => {
    const { server, timers, a } = two();
    await a.look();
    const others = {
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      ownerReferences: [{ kind: 'Deployment', name: 'r' }],
    };
    const { metadata, ...rest } = server.get() as Record<string, Record<string, unknown>>;
    await server.send({
      method: 'PUT',
      path: '',
      body: { ...rest, metadata: { ...metadata, ...others } },
      answerMsMax: 1_000,
    });
    await timers.advance(2_000);
    await a.look();
    expect(a.isHeld()).toBe(true);
    expect(server.get()?.metadata).toMatchObject(others);
    await a.release();
    expect(server.get()?.metadata).toMatchObject(others);
  });

  it('believes no renewTime: a holder whose clock is a day behind is still there', async () => {
    const { timers, a, b } = two();
    timers.setWallClock(0);
    await a.look();
    timers.setWallClock(86_400_000);
    await b.look();
    expect(b.isHeld()).toBe(false);
  });

  it('is over for its holder before another may take it, also when the loop stood still meanwhile', async () => {
    const { server, timers, a, b } = two();
    await a.look();
    await b.look();
    server.down(true);
    await timers.advance(10_000); // The first moment at which the holder could act again.
    expect(a.isHeld()).toBe(false);
    server.down(false);
    await b.look();
    expect(b.isHeld()).toBe(false); // Nobody acts for five seconds: never two.
    await timers.advance(5_000);
    await b.look();
    expect(b.isHeld()).toBe(true);
    await a.look();
    expect(a.isHeld()).toBe(false);
  });

  it('counts its own time from before the request that renewed it', async () => {
    const { server, timers } = two();
    const slow: Send = async (request) => {
      const answer = await server.send(request);
      if (request.method !== 'GET') await timers.advance(4_000);
      return answer;
    };
    const election = new LeaseElection({ ...times, holder: 'slow' }, slow, timers);
    await election.look();
    await timers.advance(5_999);
    expect(election.isHeld()).toBe(true);
    await timers.advance(1);
    expect(election.isHeld()).toBe(false);
  });

  it('takes what was handed back at once, and hands on what others wrote into it', async () => {
    const { server, a, b } = two();
    a.annotate('testudo.io/x', '1');
    await a.look();
    await a.release();
    expect(a.isHeld()).toBe(false);
    await b.look();
    expect(b.isHeld()).toBe(true);
    expect(server.get()?.metadata).toMatchObject({ annotations: { 'testudo.io/x': '1' } });
  });

  it('keeps what the next leader must find, and lets nobody write over it who has led before', async () => {
    const { server, timers, a, b } = two();
    const note = () => (server.get()?.metadata?.annotations as Record<string, string> | undefined)?.x;
    await a.look();
    expect([await a.keep('x', '1'), note()]).toEqual([ok(undefined), '1']);
    await b.look();
    expect(await b.keep('x', 'stolen')).toMatchObject({ fault: { code: 'NOT_LEADER' } });
    // The first is away until the second leads: what it would have written, it may not.
    await timers.advance(15_000);
    await b.look();
    expect([b.isHeld(), b.annotationsSeen.x]).toEqual([true, '1']);
    expect(await b.keep('x', '2')).toEqual(ok(undefined));
    expect(await a.keep('x', '3')).toMatchObject({ fault: { code: 'NOT_LEADER' } });
    await a.look();
    await b.release();
    await a.look();
    expect([a.isHeld(), a.annotationsSeen.x]).toEqual([true, '2']);
    await a.look();
    expect(note()).toBe('2');
    server.down(true);
    expect(await a.keep('x', '4')).toMatchObject({ fault: { code: 'OUTCOME_UNKNOWN' } });
  });
});
