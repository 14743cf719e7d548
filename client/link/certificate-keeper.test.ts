import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { ok, type Result, refuse, unwrap } from '../../base/fault.ts';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { Authority, makeAuthority } from '../../coordinator/keys/authority.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import { CertificateKeeper, type CertificateReport } from './certificate-keeper.ts';
import { newCertificateRequest } from './certificate-request.ts';
import { acceptChain } from './certificates.ts';
import type { Recovery } from './coming-back.ts';
import type { ClusterIdentity } from './identity-store.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const federation = parseFederationId('herd');
const cluster = parseClusterId('north');

let authority: Authority;
let request: Awaited<ReturnType<typeof newCertificateRequest>>;

beforeAll(async () => {
  const made = await makeAuthority(federation, Date.UTC(2026, 11, 1));
  authority = await Authority.load(federation, made.root.certificate, made.issuer);
  request = await newCertificateRequest();
});

/** A member whose clock is ahead by so much, of a coordinator whose clock is right; certificates live for a day. */
async function member(aheadMs: number, save: (identity: ClusterIdentity) => Promise<void> = async () => undefined) {
  const timers = new SimulatedTimers();
  const coordinatorNowMs = () => timers.now() - aheadMs;
  const make = async (): Promise<ClusterIdentity> => {
    const key = unwrap(await publicKeyOfRequest(request.der));
    const plan = authority.plan(coordinatorNowMs(), dayMs, randomBytes(9));
    const chain = await authority.issue({ kind: 'cluster', federation, cluster }, key, plan);
    const authorityPem = authority.rootCertificate;
    const chainPem = unwrap(acceptChain(chain, { tlsKeyPem: request.keyPem, authorityPem, federation, cluster }));
    const keys = { tlsKeyPem: request.keyPem, signingSeed: new Uint8Array(32), receiptKey: new Uint8Array(32) };
    return { federation, cluster, authorityPem, chainPem, certifiedAtMs: timers.now(), ...keys };
  };
  const issue = async () => ok(await make());
  const reports: CertificateReport[] = [];
  const recoveries: Recovery[] = [];
  const keeper = new CertificateKeeper({
    identity: await make(),
    timers,
    recover: async () => recoveries.shift() ?? { kind: 'inForce', coordinatorNowMs: coordinatorNowMs() },
    save,
    report: (event) => reports.push(event),
    unit: () => 0.5,
    reconnect: { firstMs: 1_000, maxMs: 60_000 },
    tickMs: 1_000,
  });
  /** Lets hours pass, a tick a minute; returns when renewals were asked for. */
  const pass = async (hours: number, answer: () => Promise<Result<ClusterIdentity>>) => {
    const asked: number[] = [];
    for (let minute = 0; minute < hours * 60; minute += 1) {
      await timers.advance(minuteMs);
      await keeper.renewWhenDue(() => {
        asked.push(timers.monotonicMs());
        return answer();
      });
    }
    return asked;
  };
  const of = (kind: CertificateReport['kind']) => reports.filter((report) => report.kind === kind);
  return { keeper, timers, issue, make, pass, of, recoveries, told: () => keeper.told(coordinatorNowMs()) };
}

describe('renewals', () => {
  it('come at two thirds of a life, however wrong our clock is, once the coordinator has said its time', async () => {
    for (const aheadMs of [0, 3 * dayMs, -3 * dayMs, 400 * dayMs]) {
      const { told, pass, issue, keeper } = await member(aheadMs);
      told();
      const asked = await pass(72, issue);
      expect(asked.length).toBe(4);
      expect(Math.abs((asked[0] ?? 0) - 16 * hourMs)).toBeLessThan(5 * minuteMs);
      expect(keeper.hasEnded).toBe(false);
    }
  });

  it('are at most six in a life under a clock that is three days ahead and that nobody has corrected', async () => {
    const { pass, issue } = await member(3 * dayMs);
    const asked = await pass(48, issue);
    expect(asked.length).toBeLessThanOrEqual(13);
    const perHour = asked.map((at) => asked.filter((one) => one >= at && one < at + hourMs).length);
    expect(Math.max(...perHour)).toBe(1);
  });

  it('that fail are tried many times before the end, and rarely after it', async () => {
    const { told, pass, of } = await member(0);
    told();
    const asked = await pass(34, async () => refuse('GRPC_UNAVAILABLE', 'nobody there'));
    const before = asked.filter((at) => at < dayMs);
    expect(before.length).toBeGreaterThan(20);
    expect(asked.filter((at) => at >= 30 * hourMs).length).toBeLessThanOrEqual(4 * 6 + 1);
    expect(of('renewalFailed')).toHaveLength(asked.length);
  });
});

describe('a clock that differs', () => {
  it('is told once, again when it changes, and when it is right again', async () => {
    const { keeper, timers, of } = await member(0);
    const aheadOf = () => of('clockDiffers').map((report) => 'aheadMs' in report && [report.aheadMs, report.matters]);
    keeper.told(timers.now() - 4 * minuteMs);
    expect(aheadOf()).toEqual([]);
    keeper.told(timers.now() - 3 * dayMs);
    keeper.told(timers.now() - 3 * dayMs - 1_000);
    expect(aheadOf()).toEqual([[3 * dayMs, true]]);
    keeper.told(timers.now() + hourMs);
    keeper.told(timers.now() + 10);
    keeper.told(timers.now());
    expect(aheadOf()).toEqual([
      [3 * dayMs, true],
      [-hourMs, true],
      [-10, false],
    ]);
  });
});

describe('before a connection', () => {
  it('asks nobody while the certificate is in force and the line is only down', async () => {
    const { keeper, recoveries } = await member(0);
    recoveries.push({ kind: 'refused', fault: { code: 'X', message: '' }, final: true, coordinatorNowMs: undefined });
    expect(await keeper.prepare(0, undefined)).toBe(0);
    for (const failed of [1, 3, 4, 5]) expect(await keeper.prepare(failed, 'GRPC_UNAVAILABLE')).toBe(0);
    expect(recoveries).toHaveLength(1);
    // It may be our clock that is behind: now and then the coordinator is asked what time it is.
    expect(await keeper.prepare(2, 'GRPC_UNAVAILABLE')).toBe(0);
    expect(recoveries).toHaveLength(0);
  });

  it('believes the coordinator that the certificate has not ended, whatever our clock says', async () => {
    const { keeper, of } = await member(3 * dayMs);
    expect(keeper.hasEnded).toBe(true);
    expect(await keeper.prepare(0, undefined)).toBe(0);
    expect(keeper.hasEnded).toBe(false);
    expect(of('certificateEnded')).toEqual([]);
    expect(of('clockDiffers')).toHaveLength(1);
  });

  it('waits long after a refusal that is final, and takes what comes then', async () => {
    const { keeper, timers, make, recoveries, of } = await member(0);
    await timers.advance(2 * dayMs);
    const fault = { code: 'REJOIN_TOO_LATE', message: 'too late' };
    for (let attempt = 0; attempt < 20; attempt += 1) {
      recoveries.push({ kind: 'refused', fault, final: true, coordinatorNowMs: timers.now() });
      const waitMs = await keeper.prepare(0, undefined);
      expect(waitMs).toBeGreaterThan(attempt < 6 ? 0 : 5 * minuteMs);
      expect(waitMs).toBeLessThanOrEqual(10 * minuteMs);
    }
    expect(of('certificateEnded')).toHaveLength(1);
    expect(keeper.why.map((text) => text.split(':')[0])).toEqual(['CERTIFICATE_ENDED', 'REJOIN_TOO_LATE']);
    const identity = await make();
    recoveries.push({ kind: 'restored', by: 'token', identity, coordinatorNowMs: undefined });
    expect(await keeper.prepare(0, undefined)).toBe(0);
    expect(keeper.identity).toBe(identity);
    expect(keeper.why).toEqual([]);
  });
});

describe('a disk that does not take a renewed identity', () => {
  it('costs neither the certificate nor the client: it goes on in memory, says so once, and is saved when there is room', async () => {
    let isFull = true;
    const saved: ClusterIdentity[] = [];
    const { keeper, issue, pass, of } = await member(0, async (identity) => {
      if (isFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      saved.push(identity);
    });
    const { expiresAtMs } = keeper;
    expect(await pass(17, issue)).toHaveLength(1);
    expect(keeper.expiresAtMs).toBeGreaterThan(expiresAtMs);
    expect(of('identityUnsaved')).toMatchObject([{ fault: { code: 'IDENTITY_UNWRITABLE' } }]);
    expect(of('renewed')).toHaveLength(1);
    isFull = false;
    await pass(1, issue);
    expect(saved).toEqual([keeper.identity]);
  });
});
