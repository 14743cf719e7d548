import { randomBytes, X509Certificate } from 'node:crypto';
import { type handleUnaryCall, Server, ServerCredentials, type ServerWritableStream, status } from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../../base/fault.ts';
import { systemTimers } from '../../../base/system-timers.ts';
import { parseAddress } from '../../../client/link/address.ts';
import { enrol } from '../../../client/link/enrol.ts';
import { connectOverGrpc } from '../../../client/rounds/grpc/connect.ts';
import { newRoundKeyPair, newSigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signHeader } from '../../../proto/envelope/header.ts';
import { signInvitation, verifyInvitation } from '../../../proto/envelope/invitation-proof.ts';
import { signRenewal } from '../../../proto/envelope/renewal-proof.ts';
import { headerToWire } from '../../../proto/envelope/wire.ts';
import type { ModelRef } from '../../../proto/generated/testudo/v1/common.ts';
import type { AcceptResponse, AttendResponse, HandOnResponse } from '../../../proto/generated/testudo/v1/doors.ts';
import { DoorsClient } from '../../../proto/generated/testudo/v1/doors.ts';
import {
  EnrolmentService,
  type EnrolRequest,
  RenewRequest,
  RenewResponse,
} from '../../../proto/generated/testudo/v1/enrolment.ts';
import {
  FederationClient,
  FederationService,
  type RoundInvitation,
  type TrainingPlan,
  UploadStatusRequest,
  WatchResponse,
} from '../../../proto/generated/testudo/v1/federation.ts';
import { parseJoinToken } from '../../../proto/join-token.ts';
import { pemOfChain } from '../../keys/authority.ts';
import { newOperatorKey } from '../../keys/operator-credentials.ts';
import { chunksOf, faultOf, settle, type TestCluster } from '../../testing/cluster.ts';
import { adminOf, doorOf } from '../../testing/door.ts';
import { TestFederation, track } from '../../testing/federation.ts';

const values = 1_000;
const renewPath = '/testudo.v1.Enrolment/Renew';
const statusPath = '/testudo.v1.Federation/UploadStatus';

/** What a door says of a member that called, or did not: it may say of any. */
function seen(member: TestCluster) {
  const leaf = new X509Certificate(member.enrolled.certificateChain[0] as Buffer);
  const uri = leaf.subjectAltName?.slice('URI:'.length) ?? '';
  return { uri, serial: leaf.serialNumber, expiresAtMs: BigInt(Date.parse(leaf.validTo)), address: '192.0.2.1' };
}

function outcomeOf(result: Result<AcceptResponse | HandOnResponse>): string {
  if (!result.ok) return result.fault.code;
  const { outcome } = result.value;
  return outcome?.$case === 'refused' ? outcome.value : (outcome?.$case ?? 'nothing');
}

async function start() {
  const federation = await TestFederation.start({ values });
  const admin = await adminOf(federation);
  return { federation, admin, door: await doorOf(federation, admin, 'edge') };
}

describe('a stolen door', () => {
  it('counts no update that its cluster has not signed, and every entry that came by it names it', async () => {
    const { federation, door } = await start();
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const { header, sealed } = await a.seal(new Float32Array(values).fill(0.01));
    unwrap(await federation.coordinator.engine.blobs.put(sealed));
    const accept = (key: typeof a.signing) =>
      settle<AcceptResponse>((callback) =>
        door.doors.accept({ peer: seen(a), header: headerToWire(header, signHeader(header, key), 0) }, callback),
      );
    expect(outcomeOf(await accept(newSigningKeyPair()))).toBe('SIGNATURE_INVALID');
    expect(outcomeOf(await accept(a.signing))).toBe('receipt');
    // What is there is receipted again, to the byte, by whichever way it comes.
    const through = unwrap(await accept(a.signing)).outcome;
    expect(through).toEqual({ $case: 'receipt', value: unwrap(await a.send([a.signed(header), ...chunksOf(sealed)])) });
    const named = (await federation.audit()).filter(({ actor }) => actor.kind === 'cluster' && actor.door === 'edge');
    expect(named.map(({ event }) => event.kind)).toEqual(['refused', 'roundStepped']);
    expect(named[0]?.event).toMatchObject({ code: 'SIGNATURE_INVALID', alarm: true, cluster: 'a' });
  });

  it('makes itself no certificate of a cluster: a renewal through it is signed by the key of its enrolment', async () => {
    const { federation, door } = await start();
    const member = await federation.enrol('a');
    const { request: certificateRequest } = await newOperatorKey();
    const renew = (signingKeyProof: Buffer) =>
      settle<HandOnResponse>((callback) =>
        door.doors.handOn(
          {
            peer: seen(member),
            method: renewPath,
            request: Buffer.from(RenewRequest.encode({ certificateRequest, signingKeyProof }).finish()),
          },
          callback,
        ),
      );
    const statement = { federation: 'herd', cluster: 'a', certificateRequest };
    expect(outcomeOf(await renew(Buffer.alloc(0)))).toBe('MEMBER_UNPROVEN');
    expect(outcomeOf(await renew(signRenewal(statement, newSigningKeyPair())))).toBe('MEMBER_UNPROVEN');
    const other = { ...statement, certificateRequest: Buffer.from('another request') };
    expect(outcomeOf(await renew(signRenewal(other, member.signing)))).toBe('MEMBER_UNPROVEN');
    const renewed = unwrap(await renew(signRenewal(statement, member.signing))).outcome;
    expect(renewed?.$case).toBe('response');
    const { certificateChain } = RenewResponse.decode(renewed?.value as Buffer);
    expect(new X509Certificate(certificateChain[0] as Buffer).subjectAltName).toBe('URI:spiffe://herd/cluster/a');
  });

  it("has no join token by answering newcomers in its coordinator's place: who enrols lets a coordinator alone answer", async () => {
    const { federation, door } = await start();
    const tokens: string[] = [];
    const server = new Server();
    const enrolHere: handleUnaryCall<EnrolRequest, never> = ({ request }, callback) => {
      tokens.push(request.token);
      callback({ code: status.PERMISSION_DENIED });
    };
    server.addService({ enrol: EnrolmentService.enrol } as never, { enrol: enrolHere });
    const serve = (chain: readonly Buffer[], key: string) =>
      new Promise<number>((resolve, reject) => {
        const pair = { cert_chain: Buffer.from(pemOfChain(chain)), private_key: Buffer.from(key) };
        const secured = ServerCredentials.createSsl(null, [pair]);
        server.bindAsync('127.0.0.1:0', secured, (error, port) => (error === null ? resolve(port) : reject(error)));
      });
    onTestFinished(() => server.forceShutdown());
    const asDoor = await serve(door.added.serverChain, door.key);
    const own = await federation.coordinator.authority.issueServer(
      [],
      federation.coordinator.authority.plan(Date.now(), 3_600_000, randomBytes(9)),
    );
    const asCoordinator = await serve(own.chain, own.key);
    const token = unwrap(parseJoinToken(await federation.token('a')));
    const enrolAt = (port: number) =>
      enrol(unwrap(parseAddress(`127.0.0.1:${port}`)), token, { timeoutMs: 60_000, timers: systemTimers });
    expect((await enrolAt(asDoor)).ok).toBe(false);
    expect(tokens).toEqual([]);
    // The very same server with a coordinator's certificate hears it: nothing else was in the way.
    expect((await enrolAt(asCoordinator)).ok).toBe(false);
    expect(tokens).toEqual([token.secret]);
  });

  it('invites nobody on its own: a key to seal to, a base or a plan that the leader has not signed ends the stream', async () => {
    const { federation, door } = await start();
    const { addresses } = federation.coordinator;
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const genuine = await a.invitation();
    const token = unwrap(parseJoinToken(await federation.token('north')));
    const limits = { timeoutMs: 60_000, timers: systemTimers };
    const leader = newSigningKeyPair();
    const enrolled = unwrap(await enrol(unwrap(parseAddress(addresses.enrolment)), token, limits));
    const identity = { ...enrolled, receiptKey: leader.publicKey };
    const signature = signInvitation(genuine, identity.cluster, leader);
    const ofAnother = signInvitation(genuine, 'a', leader);
    const key = Buffer.from(newRoundKeyPair().publicKey);
    const said: WatchResponse[] = [];
    const server = new Server();
    server.addService({ watch: FederationService.watch } as never, {
      watch: (call: ServerWritableStream<unknown, WatchResponse>) => {
        for (const each of said) call.write(each);
      },
    });
    const [chain, serverKey] = [Buffer.from(pemOfChain(door.added.serverChain)), Buffer.from(door.key)];
    const secured = ServerCredentials.createSsl(null, [{ cert_chain: chain, private_key: serverKey }]);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', secured, (error, bound) => (error === null ? resolve(bound) : reject(error))),
    );
    onTestFinished(() => server.forceShutdown());
    const watched = async (value: RoundInvitation) => {
      said.splice(0, said.length, { directive: { $case: 'invitation', value } });
      const connection = connectOverGrpc(unwrap(parseAddress(`127.0.0.1:${port}`)), identity);
      const stop = new AbortController();
      const { promise: heard, resolve } = Promise.withResolvers<'heard'>();
      const options = { tracks: [track], clientBuild: 'test', silenceMsMax: 600_000, timers: systemTimers };
      const ended = connection.watch({ ...options, signal: stop.signal, onDirective: () => resolve('heard') });
      const outcome = await Promise.race([heard, ended.then(({ code }) => code)]);
      stop.abort();
      connection.close();
      return outcome;
    };
    expect(await watched({ ...genuine, signature })).toBe('heard');
    const plan = { ...(genuine.plan as TrainingPlan), noiseMultiplier: 0.5 };
    const base = { ...(genuine.base as ModelRef), digest: `sha256:${'0'.repeat(64)}` };
    for (const [what, value] of Object.entries({
      nothing: genuine,
      another: { ...genuine, signature: ofAnother },
      key: { ...genuine, signature, roundKey: key },
      plan: { ...genuine, signature, plan },
      base: { ...genuine, signature, base },
      end: { ...genuine, signature, closesAtMs: genuine.closesAtMs + 1n },
    })) {
      expect(await watched(value), what).toBe('INVITATION_UNPROVEN');
    }
  });

  it('hands on no call of an operator, of a stranger or of a door, and for nobody who was revoked or never enrolled', async () => {
    const { federation, door } = await start();
    const member = await federation.enrol('a');
    const ask = (method: string, peer = seen(member)) => {
      const body = { track, round: 'r-1', payloadDigest: `sha256:${'0'.repeat(64)}` };
      const request = Buffer.from(UploadStatusRequest.encode(body).finish());
      return settle<HandOnResponse>((callback) => door.doors.handOn({ peer, method, request }, callback));
    };
    for (const method of [
      'Operator/AddDoor',
      'Operator/CreateToken',
      'Enrolment/Enrol',
      'Doors/Accept',
      'Federation/Watch',
    ])
      expect(outcomeOf(await ask(`/testudo.v1.${method}`)), method).toBe('REQUEST_INVALID');
    expect(outcomeOf(await ask(statusPath))).toBe('response');
    const stranger = { ...seen(member), uri: 'spiffe://herd/cluster/nobody' };
    expect(outcomeOf(await ask(statusPath, stranger))).toBe('CLUSTER_NOT_ENROLLED');
    expect(outcomeOf(await ask(statusPath, { ...seen(member), uri: 'spiffe://herd/operator/ada/admin' }))).toBe(
      'ROLE_INSUFFICIENT',
    );
    expect(outcomeOf(await ask(statusPath, { ...seen(member), expiresAtMs: 1n }))).toBe('CERTIFICATE_EXPIRED');
    expect(outcomeOf(await ask(statusPath, { ...seen(member), serial: 'no serial' }))).toBe('CERTIFICATE_MISSING');
    unwrap(
      await federation.coordinator.membership.revokeCluster(
        { kind: 'coordinator', part: 'identity' },
        'a' as never,
        'test',
      ),
    );
    expect(outcomeOf(await ask(statusPath))).toBe('CLUSTER_REVOKED');
  });

  it('is refused from its revocation on, and what it attends is cut; one that is added anew is another', async () => {
    const { federation, admin, door } = await start();
    const member = await federation.enrol('a');
    const stream = door.doors.attend();
    const said: AttendResponse[] = [];
    const ended = new Promise<string>((resolve) => {
      stream.on('error', (error) => {
        const fault = faultOf(error as never);
        resolve(fault.ok ? '' : fault.fault.code);
      });
    });
    stream.on('data', (message: AttendResponse) => said.push(message));
    const request = { tracks: [track], clientBuild: 'test' };
    stream.write({ change: { $case: 'arrival', value: { watch: 7n, peer: seen(member), request } } });
    await expect.poll(() => federation.coordinator.engine.connected().has('a' as never)).toBe(true);
    expect(
      unwrap(await settle((callback) => admin.listDoors({ page: { size: 10, token: '' } }, callback))),
    ).toMatchObject({ doors: [{ name: 'edge', connected: 1, watches: 1 }] });
    unwrap(await settle((callback) => admin.revokeDoor({ name: 'edge', reason: 'stolen' }, callback)));
    expect(await ended).toBe('DOOR_REVOKED');
    expect(federation.coordinator.engine.connected().has('a' as never)).toBe(false);
    const note = () =>
      settle((callback) =>
        door.doors.note(
          {
            peer: seen(member),
            what: 'watch',
            code: 'WATCHES_BUSY',
            cause: '',
            track: '',
            round: '',
            payloadDigest: '',
          },
          callback,
        ),
      );
    expect(await note()).toMatchObject({ fault: { code: 'DOOR_REVOKED' } });
    const again = await doorOf(federation, admin, 'edge');
    expect(await note()).toMatchObject({ fault: { code: 'CERTIFICATE_SUPERSEDED' } });
    const { request: certificateRequest } = await newOperatorKey();
    const renewed = await settle((callback) => again.doors.renewDoor({ certificateRequest }, callback));
    expect(renewed.ok).toBe(true);
    expect(await federation.refusals()).toContain('DOOR_REVOKED');
  });
});

describe('refusals that a stolen door makes up', () => {
  it('are noted against members alone: with names of its own it would have room without end in the journal', async () => {
    const { federation, door } = await start();
    const member = await federation.enrol('a');
    const note = (uri: string) => {
      const about = {
        what: 'update',
        code: 'SIGNATURE_INVALID',
        cause: 'made up',
        track: '',
        round: '',
        payloadDigest: '',
      };
      return settle((callback) => door.doors.note({ peer: { ...seen(member), uri }, ...about }, callback));
    };
    const before = (await federation.audit()).length;
    for (let n = 0; n < 40; n++) {
      unwrap(await note(`spiffe://herd/cluster/made-up-${n}`));
      unwrap(await note(`spiffe://others-${n}/cluster/a`));
    }
    unwrap(await note(seen(member).uri));
    const noted = (await federation.audit()).slice(before).filter(({ event }) => event.kind === 'refused');
    expect(noted.map(({ actor }) => actor.kind)).toEqual([...Array(10).fill('stranger'), 'cluster']);
    expect(noted.at(-1)?.actor).toMatchObject({ cluster: 'a', door: 'edge' });
  });
});

describe('the calls of doors', () => {
  it("open by no cluster's certificate, and a door's opens no call of clusters", async () => {
    const { federation, door } = await start();
    const member = await federation.enrol('a');
    const { addresses } = federation.coordinator;
    const asCluster = new DoorsClient(addresses.federation, member.credentials, door.options);
    const asDoor = new FederationClient(addresses.federation, door.credentials, door.options);
    const question = { track, round: 'r-1', payloadDigest: `sha256:${'0'.repeat(64)}` };
    const accepted = settle((callback) => asCluster.accept({ peer: seen(member), header: undefined }, callback));
    expect(await accepted).toMatchObject({ fault: { code: 'ROLE_INSUFFICIENT' } });
    const asked = settle((callback) => asDoor.uploadStatus(question, callback));
    expect(await asked).toMatchObject({ fault: { code: 'ROLE_INSUFFICIENT' } });
    asCluster.close();
    asDoor.close();
    // Each of its certificates serves for one thing: who is called is not who calls.
    const [caller, server] = [door.added.certificateChain[0], door.added.serverChain[0]].map(
      (der) => new X509Certificate(der as Buffer),
    );
    expect(caller?.subjectAltName).toBe('URI:spiffe://herd/door/edge');
    expect(server?.subjectAltName).toBe('URI:spiffe://herd/door/edge, DNS:coordinator.testudo, DNS:door.example');
    expect([caller?.keyUsage, server?.keyUsage]).toEqual([['1.3.6.1.5.5.7.3.2'], ['1.3.6.1.5.5.7.3.1']]);
  });

  it('tell each cluster what is open for it, as encoded by the leader, and end what it ends', async () => {
    const { federation, door } = await start();
    const [a] = (await federation.round(['a', 'b', 'c'])) as [TestCluster];
    const stream = door.doors.attend();
    const said: AttendResponse[] = [];
    stream.on('error', () => {});
    const heard = (count: number) =>
      new Promise<void>((resolve) => {
        const look = () => said.filter(({ watch }) => watch !== 0n).length >= count && resolve();
        stream.on('data', look);
        look();
      });
    stream.on('data', (message: AttendResponse) => said.push(message));
    const arrive = (watch: bigint, tracks: string[]) =>
      stream.write({
        change: { $case: 'arrival', value: { watch, peer: seen(a), request: { tracks, clientBuild: 'test' } } },
      });
    arrive(1n, [track]);
    await heard(1);
    const [first] = said.filter(({ watch }) => watch === 1n);
    const directive = first?.said?.$case === 'directive' ? WatchResponse.decode(first.said.value) : undefined;
    expect(directive?.directive).toMatchObject({ $case: 'invitation', value: { track, round: 'r-1' } });
    const invitation = directive?.directive?.value as RoundInvitation;
    expect(verifyInvitation(invitation, 'a', a.receiptKey)).toBeUndefined();
    expect(verifyInvitation(invitation, 'b', a.receiptKey)?.code).toBe('SIGNATURE_INVALID');
    expect((await a.invitation()).signature).toHaveLength(0); // To whom no door is between, TLS says it.
    arrive(2n, [track]); // A newer stream of the same cluster: the one before is over, wherever it was.
    await heard(3);
    expect(said).toContainEqual({ watch: 1n, said: { $case: 'ended', value: 'STREAM_REPLACED' } });
    expect(await a.watchFault).toBe('STREAM_REPLACED');
    stream.cancel();
  });
});
