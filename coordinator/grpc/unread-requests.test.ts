import type { ClientHttp2Session } from 'node:http2';
import { expect, it } from 'vitest';
import { pemOfChain } from '../keys/authority.ts';
import { settle, type TestCluster } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';
import { halfSent, outcomeOf, rawConnection, settled } from '../testing/raw-grpc.ts';

const enrol = '/testudo.v1.Enrolment/Enrol';
const members = {
  renew: '/testudo.v1.Enrolment/Renew',
  watch: '/testudo.v1.Federation/Watch',
  submitUpdate: '/testudo.v1.Federation/SubmitUpdate',
  acknowledge: '/testudo.v1.Releases/Acknowledge',
  moveHead: '/testudo.v1.Operator/MoveHead',
};

/** A connection with this cluster's certificate, by hand. */
function asMember(federation: TestFederation, { applied, enrolled }: TestCluster): ClientHttp2Session {
  const parts = { cert: pemOfChain(enrolled.certificateChain), key: applied.tls.key };
  return rawConnection(federation.coordinator.addresses.federation, parts);
}

it('a request that is not whole in time is ended and let go, of every kind, a stranger and a member alike', async () => {
  const federation = await TestFederation.start({ settings: ['connections.requestSecondsMax=2'] });
  const member = await federation.enrol('a');
  const stranger = rawConnection(federation.coordinator.addresses.enrolment);
  const proven = asMember(federation, member);
  const calls = [[stranger, enrol] as const, ...Object.values(members).map((path) => [proven, path] as const)];
  for (const [session, path] of calls) {
    const stream = halfSent(session, path, 1_000, 999);
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    expect(await outcomeOf(stream), path).toEqual({ status: '4', code: 'CALL_TOO_LONG' });
    await closed; // The coordinator resets what its peer leaves open: nothing is held for it any longer.
    expect(stream.rstCode, path).toBe(0);
  }
  const refused = (await federation.audit()).flatMap(({ actor, event }) =>
    event.kind === 'refused' ? [[actor.kind, event.what, event.code]] : [],
  );
  expect(refused).toEqual([
    ['stranger', 'enrolment', 'CALL_TOO_LONG'],
    ['cluster', 'renewal', 'CALL_TOO_LONG'],
    ['cluster', 'watch', 'CALL_TOO_LONG'],
    ['cluster', 'update', 'CALL_TOO_LONG'],
    ['cluster', 'acknowledgement', 'CALL_TOO_LONG'],
    ['cluster', 'operation', 'CALL_TOO_LONG'],
  ]);
});

it('a peer has so many slow requests under way and no more, over all its connections; others have their own', async () => {
  const federation = await TestFederation.start({ settings: ['connections.slowRequestsMax=5'] });
  const [a, b] = [await federation.enrol('a'), await federation.enrol('b')];
  const [first, second] = [asMember(federation, a), asMember(federation, a)];
  const held = [first, second, first, second, first].map((session) => halfSent(session, members.renew, 1_000, 10));
  for (const session of [first, second]) expect(await settled(session)).toBe(true);
  const sixth = halfSent(second, members.acknowledge, 1_000, 10);
  expect(await outcomeOf(sixth)).toEqual({ status: '8', code: 'RATE_LIMITED' });
  const other = halfSent(asMember(federation, b), members.renew, 0, 0);
  other.end();
  expect(await outcomeOf(other)).toMatchObject({ code: 'CERTIFICATE_REQUEST_INVALID' });

  held[0]?.close(); // One that its peer gives up makes room for another, and for no more than that.
  expect(await settled(first)).toBe(true);
  const seventh = halfSent(second, members.renew, 1_000, 10);
  expect(await settled(second)).toBe(true);
  const eighth = halfSent(second, members.renew, 1_000, 10);
  expect(await outcomeOf(eighth)).toEqual({ status: '8', code: 'RATE_LIMITED' });
  expect([...held.slice(1), seventh].map(({ closed }) => closed)).toEqual([false, false, false, false, false]);
});

it('as many calls at once as a connection carries are served, of a client that does send', async () => {
  const federation = await TestFederation.start();
  const member = await federation.enrol('a');
  const question = { track: 'syscall', round: 'r-1', payloadDigest: `sha256:${'0'.repeat(64)}` };
  const ask = () => settle((callback) => member.client.uploadStatus(question, callback));
  const answers = await Promise.all(Array.from({ length: 1_000 }, ask));
  expect(answers.filter(({ ok }) => !ok)).toEqual([]);
});

it('a stream that is refused before it is read gets its answer, and is let go', async () => {
  const federation = await TestFederation.start();
  const session = asMember(federation, await federation.enrol('a'));
  const stream = halfSent(session, '/testudo.v1.Operator/PutTrack', 1_000, 999);
  const closed = new Promise<void>((resolve) => stream.on('close', resolve));
  expect(await outcomeOf(stream)).toEqual({ status: '7', code: 'ROLE_INSUFFICIENT' });
  await closed;
});

it("what a caller's own deadline ends is let go too", async () => {
  const federation = await TestFederation.start();
  const session = rawConnection(federation.coordinator.addresses.enrolment);
  const stream = session.request({
    ':method': 'POST',
    ':path': enrol,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '100m',
  });
  stream.on('error', () => {});
  stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]));
  const closed = new Promise<void>((resolve) => stream.on('close', resolve));
  expect(await outcomeOf(stream)).toMatchObject({ status: '4' });
  await closed;
  expect(stream.rstCode).toBe(0);
});

it('a message that is too large is refused with a code, audited and counted, of a stranger and a member alike', async () => {
  const federation = await TestFederation.start();
  const member = asMember(federation, await federation.enrol('a'));
  const stranger = rawConnection(federation.coordinator.addresses.enrolment);
  const before = await federation.audit();
  for (const [session, path] of [
    [stranger, enrol],
    [member, members.renew],
    [member, members.watch],
  ] as const) {
    const stream = halfSent(session, path, 2 << 20, 100);
    const closed = new Promise<void>((resolve) => stream.on('close', resolve));
    expect(await outcomeOf(stream), path).toEqual({ status: '8', code: 'MESSAGE_TOO_LARGE' });
    await closed;
  }
  const refused = (await federation.audit())
    .slice(before.length)
    .flatMap(({ event }) => (event.kind === 'refused' ? [[event.what, event.code]] : []));
  expect(refused).toEqual([
    ['enrolment', 'MESSAGE_TOO_LARGE'],
    ['renewal', 'MESSAGE_TOO_LARGE'],
    ['watch', 'MESSAGE_TOO_LARGE'],
  ]);
  const metrics = await (await fetch(`http://${federation.coordinator.addresses.health}/metrics`)).text();
  for (const method of [enrol, members.renew, members.watch]) {
    expect(metrics).toContain(`testudo_call_seconds_count{method="${method}",code="MESSAGE_TOO_LARGE"} 1`);
  }
});
