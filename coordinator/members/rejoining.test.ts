import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { ShiftedTimers } from '../../base/testing/shifted-timers.ts';
import { newSigningKeyPair, type SigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { type RejoinStatement, signRejoin } from '../../proto/envelope/rejoin-proof.ts';
import type { ChallengeResponse, EnrolmentClient, RejoinResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';
import { newcomer, settle, type TestCluster } from '../testing/cluster.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A federation whose wall clock is `agoMs` behind; its own certificate outlives every test. */
async function start(agoMs: number, settings: readonly string[] = []) {
  const timers = new ShiftedTimers(-agoMs);
  const federation = await TestFederation.start({ timers, settings: ['certificates.serverDays=366', ...settings] });
  const client = newcomer(federation.coordinator.addresses, federation.authority);
  onTestFinished(() => client.close());
  return { federation, client, timers };
}

const challengeOf = async (client: EnrolmentClient) =>
  unwrap(await settle<ChallengeResponse>((callback) => client.challenge({}, callback))).challenge;

type Signed = Readonly<{ statement: RejoinStatement; sent: Parameters<EnrolmentClient['rejoin']>[0]; tlsKey: string }>;

/** A whole proof; `change` may say something else under the signature than what is sent. */
async function proofOf(
  client: EnrolmentClient,
  cluster: string,
  signing: SigningKeyPair,
  change: Partial<RejoinStatement> = {},
): Promise<Signed> {
  const { request, key } = await newOperatorKey();
  const challenge = await challengeOf(client);
  const statement = { federation: 'herd', cluster, certificateRequest: request, challenge };
  const signingKeyProof = signRejoin({ ...statement, ...change }, signing);
  return { statement, sent: { cluster, certificateRequest: request, challenge, signingKeyProof }, tlsKey: key };
}

const send = (client: EnrolmentClient, { sent }: Signed) =>
  settle<RejoinResponse>((callback) => client.rejoin(sent, callback));

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);

async function rejoin(client: EnrolmentClient, member: TestCluster) {
  return send(client, await proofOf(client, member.name, member.signing));
}

describe('Rejoin', () => {
  it('brings back a member whose certificate ended a while ago, and the audit log says so', async () => {
    const { federation, client, timers } = await start(25 * hourMs);
    const away = await federation.enrol('a');
    timers.byMs = 0;
    const shut = federation.connect(away.applied, away.enrolled);
    await shut.watch([track]);
    expect(await shut.watchFault).toBe('GRPC_14'); // TLS tells nobody why.

    const proof = await proofOf(client, 'a', away.signing);
    const beforeMs = Date.now();
    const rejoined = unwrap(await send(client, proof));
    expect(Number(rejoined.issuedAtMs)).toBeGreaterThanOrEqual(beforeMs);
    expect(Number(rejoined.expiresAtMs - rejoined.issuedAtMs)).toBeGreaterThan(23 * hourMs);
    const tls = { ...away.applied.tls, key: proof.tlsKey };
    const back = federation.connect({ ...away.applied, tls }, { ...away.enrolled, ...rejoined });
    await back.watch([track]);
    expect(federation.coordinator.engine.connected().has(parseClusterId('a'))).toBe(true);

    const entry = (await federation.audit()).find(({ event }) => event.kind === 'clusterRejoined');
    expect(entry?.actor).toMatchObject({ kind: 'stranger' });
    expect(entry?.event).toMatchObject({
      cluster: 'a',
      lastExpiredAtMs: Number(away.enrolled.expiresAtMs),
      certificateExpiresAtMs: Number(rejoined.expiresAtMs),
    });
    const member = federation.coordinator.engine.state().clusters.get(parseClusterId('a'));
    expect(member).toMatchObject({ status: 'enrolled', certificateExpiresAtMs: Number(rejoined.expiresAtMs) });
    expect(member?.earlierSerials).toHaveLength(1);
  });

  it('holds over a restart: the state folded again is the state that was', async () => {
    const { federation, client } = await start(0);
    const member = await federation.enrol('a');
    unwrap(await rejoin(client, member));
    const before = federation.coordinator.engine.state().clusters.get(parseClusterId('a'));
    await federation.restart();
    expect(federation.coordinator.engine.state().clusters.get(parseClusterId('a'))).toEqual(before);
  });

  it('is refused beyond the grace that the operator set, and granted to the last moment of it', async () => {
    const lifeMs = 24 * hourMs;
    const { federation, client, timers } = await start(60 * dayMs, ['certificates.rejoinGraceDays=2']);
    const enrolledMs = timers.now();
    const [early, late] = [await federation.enrol('early'), await federation.enrol('late')];
    timers.byMs += enrolledMs + lifeMs + 2 * dayMs - 60_000 - timers.now();
    expect(codeOf(await rejoin(client, early))).toBe('OK');
    timers.byMs += 120_000;
    expect(codeOf(await rejoin(client, late))).toBe('REJOIN_TOO_LATE');
    expect(await federation.refusals()).toContain('REJOIN_TOO_LATE');
    // A token helps: it makes a new member of the cluster, with whatever key.
    expect((await federation.enrol('late')).name).toBe('late');
  });

  it('keeps revoked members out, in quarantine or not, and quarantined ones in quarantine', async () => {
    const { federation, client, timers } = await start(30 * hourMs);
    const [revoked, both, quarantined] = [
      await federation.enrol('revoked'),
      await federation.enrol('both'),
      await federation.enrol('quarantined'),
    ];
    timers.byMs = 0;
    const { membership, engine } = federation.coordinator;
    const [inQuarantine, reason] = [{ quarantined: true, reason: 'test' }, 'test'];
    for (const { name } of [both, quarantined]) {
      unwrap(await membership.setQuarantine(operator, { cluster: parseClusterId(name), ...inQuarantine }));
    }
    for (const { name } of [both, revoked]) {
      unwrap(await membership.revokeCluster(operator, parseClusterId(name), reason));
    }
    expect(codeOf(await rejoin(client, revoked))).toBe('CLUSTER_REVOKED');
    expect(codeOf(await rejoin(client, both))).toBe('CLUSTER_REVOKED');
    expect(codeOf(await rejoin(client, quarantined))).toBe('OK');
    expect(engine.state().clusters.get(parseClusterId('quarantined'))?.quarantined).toBe(true);
  });

  it('takes no proof twice, and none that was recorded before a newer one', async () => {
    const { federation, client } = await start(0);
    const member = await federation.enrol('a');
    const recorded = await proofOf(client, 'a', member.signing);
    const used = await proofOf(client, 'a', member.signing);
    expect(codeOf(await send(client, used))).toBe('OK');
    expect(codeOf(await send(client, used))).toBe('CHALLENGE_USED');
    expect(codeOf(await send(client, recorded))).toBe('CHALLENGE_USED');
    const entries = (await federation.audit()).flatMap(({ event }) => (event.kind === 'refused' ? [event] : []));
    expect(entries.map(({ what, code, alarm }) => ({ what, code, alarm }))).toEqual(
      Array(2).fill({ what: 'rejoin', code: 'CHALLENGE_USED', alarm: true }),
    );
    // A restart forgets what was used, and takes no challenge of before it.
    await federation.restart();
    const again = newcomer(federation.coordinator.addresses, federation.authority);
    onTestFinished(() => again.close());
    expect(codeOf(await send(again, used))).toBe('CHALLENGE_INVALID');
  });

  it('takes no proof for another cluster, federation or certificate, none by another key, and tells names from nobody', async () => {
    const { federation, client } = await start(0);
    const member = await federation.enrol('a');
    const other = await federation.enrol('b');
    const codes = async (change: Partial<RejoinStatement>, key = member.signing, name = 'a') =>
      codeOf(await send(client, await proofOf(client, name, key, change)));
    expect(await codes({ federation: 'flock' })).toBe('MEMBER_UNPROVEN');
    expect(await codes({ cluster: 'b' })).toBe('MEMBER_UNPROVEN');
    expect(await codes({ certificateRequest: (await newOperatorKey()).request })).toBe('MEMBER_UNPROVEN');
    expect(await codes({ challenge: await challengeOf(client) })).toBe('MEMBER_UNPROVEN');
    expect(await codes({}, other.signing)).toBe('MEMBER_UNPROVEN');
    expect(await codes({}, newSigningKeyPair(), 'nobody')).toBe('MEMBER_UNPROVEN');
    expect(await codes({}, member.signing, '../a')).toBe('MEMBER_UNPROVEN');
    const sound = await proofOf(client, 'a', member.signing);
    const challenge = Buffer.from('not ours');
    expect(codeOf(await send(client, { ...sound, sent: { ...sound.sent, challenge } }))).toBe('CHALLENGE_INVALID');
    const certificateRequest = Buffer.from('nonsense');
    expect(codeOf(await send(client, { ...sound, sent: { ...sound.sent, certificateRequest } }))).toBe(
      'CERTIFICATE_REQUEST_INVALID',
    );
    // Refusals used nothing up.
    expect(codeOf(await send(client, sound))).toBe('OK');
  });

  it('goes by the key of the newest enrolment alone', async () => {
    const { federation, client } = await start(0);
    const before = await federation.enrol('a');
    const after = await federation.enrol('a');
    expect(codeOf(await rejoin(client, before))).toBe('MEMBER_UNPROVEN');
    expect(codeOf(await rejoin(client, after))).toBe('OK');
  });

  it('is limited by address, as enrolment is', async () => {
    const { client } = await start(0, ['enrolments.burst=3', 'enrolments.perMinute=1']);
    const codes: string[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      codes.push(codeOf(await settle((callback) => client.challenge({}, callback))));
    }
    expect(codes).toEqual(['OK', 'OK', 'OK', 'RATE_LIMITED']);
  });
});
