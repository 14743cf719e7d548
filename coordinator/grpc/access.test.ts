import { randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { type Result, unwrap } from '../../base/fault.ts';
import { EnrolmentClient } from '../../proto/generated/testudo/v1/enrolment.ts';
import { FederationClient } from '../../proto/generated/testudo/v1/federation.ts';
import { OperatorClient } from '../../proto/generated/testudo/v1/operator.ts';
import { coordinatorServerName } from '../../proto/wire-names.ts';
import { Authority, makeAuthority, pemOfChain } from '../keys/authority.ts';
import { newOperatorKey } from '../keys/operator-credentials.ts';
import type { Identity } from '../keys/spiffe.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import { secure, settle } from '../testing/cluster.ts';
import { TestFederation } from '../testing/federation.ts';

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);
const options = { 'grpc.ssl_target_name_override': coordinatorServerName, 'grpc.use_local_subchannel_pool': 1 };
const question = { track: 'syscall', round: 'r-1', payloadDigest: `sha256:${'0'.repeat(64)}` };
/** TLS refused: grpc-js has no more to say than that nobody answered. */
const noConnection = 'GRPC_14';

type Parts = Parameters<typeof secure>[0];

async function ask(federation: TestFederation, parts: Parts): Promise<string> {
  const client = new FederationClient(federation.coordinator.addresses.federation, secure(parts), options);
  onTestFinished(() => client.close());
  return codeOf(await settle((callback) => client.uploadStatus(question, callback)));
}

/** A certificate as `authority` would issue it, for a key of its own. */
async function certificate(authority: Authority, identity: Identity, atMs: number, lifetimeMs: number) {
  const { key, request } = await newOperatorKey();
  const publicKey = unwrap(await publicKeyOfRequest(request));
  const plan = authority.plan(atMs, lifetimeMs, randomBytes(9));
  return { cert: pemOfChain(await authority.issue(identity, publicKey, plan)), key };
}

describe('the mTLS port', () => {
  it('lets nobody in without a certificate of ours that is in force', async () => {
    const federation = await TestFederation.start();
    await federation.enrol('a');
    const { authority: ours } = federation.coordinator;
    const identity = { kind: 'cluster', federation: ours.federation, cluster: 'a' } as Identity;
    const ca = federation.authority;
    const nowMs = Date.now();

    expect(await ask(federation, { ca, ...(await certificate(ours, identity, nowMs, 60_000)) })).toBe('OK');
    expect(await ask(federation, { ca })).toBe(noConnection);
    expect(await ask(federation, { ca, ...(await certificate(ours, identity, nowMs - 120_000, 60_000)) })).toBe(
      noConnection,
    );
    const made = await makeAuthority(ours.federation, nowMs);
    const theirs = await Authority.load(ours.federation, made.root.certificate, made.issuer);
    expect(await ask(federation, { ca, ...(await certificate(theirs, identity, nowMs, 60_000)) })).toBe(noConnection);
    const foreign = { ...identity, federation: 'flock' } as Identity;
    expect(await ask(federation, { ca, ...(await certificate(ours, foreign, nowMs, 60_000)) })).toBe(
      'CERTIFICATE_FOREIGN',
    );
    const server = { kind: 'coordinator', federation: ours.federation } as const;
    expect(await ask(federation, { ca, ...(await certificate(ours, server, nowMs, 60_000)) })).toBe(
      'CERTIFICATE_FOREIGN',
    );
    // And a client that trusts another root finds nobody it would talk to.
    expect(await ask(federation, { ca: theirs.rootCertificate })).toBe(noConnection);
  });

  it('ends with the certificate, even on a connection that was made before', async () => {
    const federation = await TestFederation.start();
    await federation.enrol('a');
    const { authority } = federation.coordinator;
    const identity = { kind: 'cluster', federation: authority.federation, cluster: 'a' } as Identity;
    const brief = await certificate(authority, identity, Date.now(), 3_000);
    const { addresses } = federation.coordinator;
    const client = new FederationClient(addresses.federation, secure({ ca: federation.authority, ...brief }), options);
    onTestFinished(() => client.close());
    const again = async () => codeOf(await settle((callback) => client.uploadStatus(question, callback)));
    expect(await again()).toBe('OK');
    let code = 'OK';
    while (code === 'OK') code = await again();
    expect(code).toBe('CERTIFICATE_EXPIRED');
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    const { coordinator } = await TestFederation.start();
    for (const address of [coordinator.addresses.federation, coordinator.addresses.enrolment]) {
      const [host, port] = address.split(':');
      const outcome = await new Promise((resolve) => {
        const socket = connect({ host, port: Number(port), maxVersion: 'TLSv1.2', rejectUnauthorized: false }, () =>
          resolve('connected'),
        );
        socket.on('error', ({ message }) => resolve(message));
      });
      expect(outcome).toMatch(/alert protocol version/);
    }
  });

  it('serves Enrol only to strangers and all else only to members', async () => {
    const federation = await TestFederation.start();
    const member = await federation.enrol('a');
    const enrolment = {
      token: 'x'.repeat(20),
      certificateRequest: Buffer.alloc(0),
      signingKey: Buffer.alloc(32),
      signingKeyProof: Buffer.alloc(64),
    };
    expect(codeOf(await settle((callback) => member.enrolment.enrol(enrolment, callback)))).toBe('GRPC_12');
    const { addresses } = federation.coordinator;
    const stranger = secure({ ca: federation.authority });
    const calls = new FederationClient(addresses.enrolment, stranger, options);
    const renewals = new EnrolmentClient(addresses.enrolment, stranger, options);
    onTestFinished(() => [calls, renewals].forEach((client) => void client.close()));
    expect(codeOf(await settle((callback) => calls.uploadStatus(question, callback)))).toBe('GRPC_12');
    const nothing = Buffer.alloc(0);
    const renewal = { certificateRequest: nothing, signingKeyProof: nothing };
    expect(codeOf(await settle((callback) => renewals.renew(renewal, callback)))).toBe('GRPC_12');
  });
});

describe('roles', () => {
  it('let viewers read, operators act on rounds, admins on membership, and clusters none of it', async () => {
    const federation = await TestFederation.start();
    const { membership, authority, addresses } = federation.coordinator;
    const asRole = async (role: OperatorRole) => {
      const { key, request } = await newOperatorKey();
      const added = await membership.addOperator(
        { kind: 'coordinator', part: 'identity' },
        { name: role, role, request },
      );
      const cert = pemOfChain(unwrap(added).chain);
      return new OperatorClient(addresses.federation, secure({ ca: authority.rootCertificate, cert, key }), options);
    };
    const admin = await asRole('admin');
    const clients = { viewer: await asRole('viewer'), operator: await asRole('operator'), admin };
    onTestFinished(() => Object.values(clients).forEach((client) => void client.close()));
    const may = async (client: OperatorClient) => [
      codeOf(await settle((callback) => client.listClusters({ page: undefined }, callback))),
      codeOf(
        await settle((callback) => client.cancelRound({ track: 'syscall', round: 'r-9', reason: 'why' }, callback)),
      ),
      codeOf(
        await settle((callback) => client.createToken({ cluster: 'x', lifetimeSeconds: 60, labels: [] }, callback)),
      ),
    ];
    expect(await may(clients.viewer)).toEqual(['OK', 'ROLE_INSUFFICIENT', 'ROLE_INSUFFICIENT']);
    expect(await may(clients.operator)).toEqual(['OK', 'ROUND_NOT_FOUND', 'ROLE_INSUFFICIENT']);
    expect(await may(clients.admin)).toEqual(['OK', 'ROUND_NOT_FOUND', 'OK']);

    const member = await federation.enrol('a');
    const asCluster = new OperatorClient(addresses.federation, member.credentials, options);
    onTestFinished(() => asCluster.close());
    expect(await may(asCluster)).toEqual(['ROLE_INSUFFICIENT', 'ROLE_INSUFFICIENT', 'ROLE_INSUFFICIENT']);

    // The last admin cannot go; a removed operator is gone at once.
    const remove = (name: string) => settle((callback) => admin.removeOperator({ name, reason: 'why' }, callback));
    expect(codeOf(await remove('admin'))).toBe('LAST_ADMIN');
    expect(codeOf(await remove('viewer'))).toBe('OK');
    expect(await may(clients.viewer)).toEqual(['OPERATOR_REMOVED', 'OPERATOR_REMOVED', 'OPERATOR_REMOVED']);
  });
});
