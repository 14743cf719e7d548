import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ok, type Result, unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { RateLimiter } from '../../base/serving/rate-limit.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { parseClusterId } from '../../proto/ids.ts';
import type { JournalEvent } from '../ledger/journal/events.ts';
import { TestFederation } from '../testing/federation.ts';
import { AccessControl, cutShort, type IncomingCall } from './access-control.ts';
import { type CallRule, calls } from './calls.ts';
import { OpenCalls } from './open-calls.ts';

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);

/** A coordinator with the cluster `a`, and access to it by a transport that is not gRPC. */
async function opened(more: Partial<ConstructorParameters<typeof AccessControl>[0]> = {}) {
  const federation = await TestFederation.start();
  await federation.enrol('a');
  const { engine } = federation.coordinator;
  const openCalls = new OpenCalls();
  const limiter = new RateLimiter({ burst: 2, refillMs: 3_600_000, keysMax: 10 });
  const parts = { engine, openCalls, limiter, log: makeLog('silent'), timers: systemTimers };
  const access = new AccessControl({ ...parts, ...more });
  const { certificateSerial: serial, certificateExpiresAtMs: expiresAtMs } = [
    ...engine.state().clusters.values(),
  ][0] as {
    certificateSerial: string;
    certificateExpiresAtMs: number;
  };
  const asA: IncomingCall = {
    name: 'GET /page',
    address: '192.0.2.7',
    certificate: { uri: `spiffe://herd/cluster/a`, serial, expiresAtMs },
    onHangUp: () => {},
  };
  const refusals: Extract<JournalEvent, { kind: 'refused' }>[] = [];
  engine.follow(({ event }) => {
    if (event.kind === 'refused') refusals.push(event);
  });
  return { federation, engine, access, openCalls, asA, refusals };
}

describe('AccessControl', () => {
  it('lets nobody in by facts of another that have become old, before it has read on', async () => {
    let [isOld, isReached, reads] = [false, false, 0];
    const catchUp = async () => {
      reads += 1;
      isOld = !isReached;
      return isReached;
    };
    const { access, asA } = await opened({ catchUp, isOld: () => isOld });
    const ask = async () => codeOf(await access.serve(calls.federation.uploadStatus, asA, async () => ok(undefined)));
    expect([await ask(), reads]).toEqual(['OK', 0]);
    isOld = true;
    expect([await ask(), reads]).toEqual(['LEADER_AWAY', 1]);
    isReached = true;
    expect([await ask(), await ask(), reads]).toEqual(['OK', 'OK', 2]);
  });

  it('lets in whom the table lets in, by any transport, and audits everyone else', async () => {
    const { access, asA, refusals } = await opened();
    const served = await access.serve(calls.federation.uploadStatus, asA, async ({ caller }) => ok(caller.cluster));
    expect(served).toEqual(ok('a'));
    const never = async () => {
      throw new Error('served');
    };
    expect(codeOf(await access.serve(calls.operator.listRounds, asA, never))).toBe('ROLE_INSUFFICIENT');
    const bare = { ...asA, certificate: undefined };
    expect(codeOf(await access.serve(calls.operator.listRounds, bare, never))).toBe('CERTIFICATE_MISSING');
    await expect.poll(() => refusals.length).toBe(2);
    expect(refusals).toMatchObject([
      { what: 'operation', code: 'ROLE_INSUFFICIENT', cluster: 'a', alarm: false },
      { what: 'operation', code: 'CERTIFICATE_MISSING', cluster: null },
    ]);
  });

  it('limits strangers by their address before anything is served', async () => {
    const { access, asA } = await opened();
    const enrol = (address: string) =>
      access.serve(calls.enrolment.enrol, { ...asA, address }, async () => ok('served'));
    const codes = [await enrol('x'), await enrol('x'), await enrol('x'), await enrol('y')].map(codeOf);
    expect(codes).toEqual(['OK', 'OK', 'RATE_LIMITED', 'OK']);
  });

  it('limits each call of a caller by its rule before anything is served, and nobody else with it', async () => {
    const { engine, asA, federation } = await opened();
    await federation.enrol('b');
    const { certificateSerial: serial } = engine.state().clusters.get(parseClusterId('b')) as {
      certificateSerial: string;
    };
    const { expiresAtMs } = asA.certificate as { expiresAtMs: number };
    const asB = { ...asA, certificate: { uri: 'spiffe://herd/cluster/b', serial, expiresAtMs } };
    const atMs = Date.now();
    let passedMs = 0;
    const timers = { ...systemTimers, now: () => atMs + passedMs };
    const limiter = new RateLimiter({ burst: 1, refillMs: 1, keysMax: 1 });
    const openCalls = new OpenCalls();
    const access = new AccessControl({ engine, openCalls, limiter, log: makeLog('silent'), timers });
    const rules = [calls.enrolment, calls.federation, calls.releases, calls.health, calls.serverReflection].flatMap(
      (methods) => Object.values<CallRule>(methods),
    );
    const limited = rules.filter(({ metered }) => 'burst' in metered);
    expect(limited).toHaveLength(12);
    for (const rule of limited) {
      const { burst, perMinute } = rule.metered as { burst: number; perMinute: number };
      let servedCount = 0;
      const call = (incoming: IncomingCall) => access.serve(rule, incoming, async () => ok(++servedCount));
      for (let count = 0; count < burst; count++) expect(codeOf(await call(asA))).toBe('OK');
      expect([codeOf(await call(asA)), servedCount]).toEqual(['RATE_LIMITED', burst]);
      expect(codeOf(await call(asB))).toBe('OK');
      passedMs += 60_000 / perMinute;
      expect([codeOf(await call(asA)), codeOf(await call(asA))]).toEqual(['OK', 'RATE_LIMITED']);
    }
  });

  it('cuts what is open when its caller is revoked, and says why', async () => {
    const { access, asA, openCalls, federation } = await opened();
    const watching = access.serve(calls.federation.watch, asA, async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return cutShort(signal);
    });
    await nextTurn();
    expect(openCalls.size).toBe(1);
    const { membership } = federation.coordinator;
    const actor = { kind: 'coordinator', part: 'identity' } as const;
    unwrap(await membership.revokeCluster(actor, parseClusterId('a'), 'why'));
    expect(openCalls.recheck(Date.now())).toBe(1);
    expect(codeOf(await watching)).toBe('CLUSTER_REVOKED');
    expect(openCalls.size).toBe(0);
  });

  it('answers an error of our own with a code, never with its text', async () => {
    const { access, asA, refusals } = await opened();
    const served = await access.serve(calls.federation.watch, asA, async () => {
      throw new Error('secret text');
    });
    expect(served).toMatchObject({ fault: { code: 'INTERNAL' } });
    expect(JSON.stringify(served)).not.toContain('secret');
    await expect.poll(() => refusals.map(({ code }) => code)).toEqual(['INTERNAL']);
  });
});
