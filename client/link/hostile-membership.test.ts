import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { unwrap } from '../../base/fault.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { Authority, makeAuthority, pemOfChain } from '../../coordinator/keys/authority.ts';
import type { Identity } from '../../coordinator/keys/spiffe.ts';
import { HostileCoordinator } from '../../lab/testing/hostile-coordinator.ts';
import { newSigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import {
  EnrolRequest,
  EnrolResponse,
  RenewRequest,
  RenewResponse,
} from '../../proto/generated/testudo/v1/enrolment.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import { formatJoinToken, parseJoinToken } from '../../proto/join-token.ts';
import { parseAddress } from './address.ts';
import { newCertificateRequest } from './certificate-request.ts';
import { expiryOf } from './certificates.ts';
import { connectAsMember } from './connection.ts';
import { enrol, renew } from './enrol.ts';
import type { ClusterIdentity } from './identity-store.ts';

const federation = parseFederationId('herd');
const cluster = parseClusterId('north');
const hourMs = 3_600_000;
const timeoutMs = 5_000;

let authority: Authority;
let hostile: HostileCoordinator;
let identity: ClusterIdentity;

beforeEach(async () => {
  authority = await newAuthority();
  identity = await newIdentity();
});

afterEach(() => hostile.close());

async function newAuthority(): Promise<Authority> {
  const made = await makeAuthority(federation, Date.now());
  return await Authority.load(federation, made.root.certificate, made.issuer);
}

/** Real TLS with the federation's own certificate; `mutual` as the port of members. */
async function listen(mutual: boolean): Promise<void> {
  const { chain, key } = await authority.issueServer([], authority.plan(Date.now(), hourMs, randomBytes(9)));
  const stolen = { rootPem: authority.rootCertificate, chainPem: pemOfChain(chain), keyPem: key };
  hostile = await HostileCoordinator.listen(stolen, { mutual });
}

function address() {
  return unwrap(parseAddress(`127.0.0.1:${hostile.port}`));
}

type Issue = Readonly<{ by?: Authority; as?: Identity; fromMs?: number; lifetimeMs?: number }>;

/** What an authority would issue for a request; its own one honestly unless told otherwise. */
async function issued(request: Uint8Array, over: Issue = {}): Promise<Buffer[]> {
  const {
    by = authority,
    as = { kind: 'cluster', federation, cluster },
    fromMs = Date.now(),
    lifetimeMs = hourMs,
  } = over;
  const key = unwrap(await publicKeyOfRequest(request));
  return [...(await by.issue(as, key, by.plan(fromMs, lifetimeMs, randomBytes(9))))];
}

async function newIdentity(): Promise<ClusterIdentity> {
  const request = await newCertificateRequest();
  return {
    ...{ federation, cluster, authorityPem: authority.rootCertificate, certifiedAtMs: Date.now() },
    chainPem: pemOfChain(await issued(request.der)),
    tlsKeyPem: request.keyPem,
    signingSeed: newSigningKeyPair().secretKey.slice(0, 32),
    receiptKey: newSigningKeyPair().publicKey,
  };
}

type Answer = (request: Uint8Array) => Promise<readonly Uint8Array[]>;

/** Chains that a client must not take, whoever hands them out. */
const chains: readonly [string, RegExp, Answer][] = [
  ['no certificate', /1 to 4/, async () => []],
  ['five', /1 to 4/, async (request) => Array.from({ length: 5 }, () => request)],
  ['what is no certificate', /not DER/, async () => [randomBytes(900)]],
  ['one of nine kilobytes', /8 KiB/, async () => [Buffer.alloc(9_000)]],
  ['one for another key', /another key/, async () => issued((await newCertificateRequest()).der)],
  ['one for another cluster', /not for north/, (request) => issued(request, { as: named('south') })],
  [
    'one for another federation',
    /not for north of herd/,
    (request) => issued(request, { as: named('north', 'other') }),
  ],
  ['one for an operator', /not for north/, (request) => issued(request, { as: operator })],
  ['one that had ended before it came', /had ended/, (request) => issued(request, { fromMs: Date.now() - 2 * hourMs })],
  ['one of another authority', /our root/, async (request) => issued(request, { by: await newAuthority() })],
  ['a leaf whose issuer is a leaf', /our root/, (request) => underALeaf(request)],
];

const operator = { kind: 'operator', federation, name: 'ada', role: 'admin' } as const;

function named(name: string, of = 'herd'): Identity {
  return { kind: 'cluster', federation: parseFederationId(of), cluster: parseClusterId(name) };
}

/** A chain in which the certificate of a cluster stands where an issuer must. */
async function underALeaf(request: Uint8Array): Promise<Buffer[]> {
  const [leaf, ...above] = await issued(request);
  const [between] = await issued((await newCertificateRequest()).der);
  return [leaf as Buffer, between as Buffer, ...above];
}

describe('a renewal is refused that brings', () => {
  beforeEach(() => listen(true));

  async function renewed(answer: Answer) {
    hostile.handlers.Renew = async (call) => {
      await call.heard();
      const { certificateRequest } = RenewRequest.decode(call.received.subarray(5));
      call.answer(RenewResponse, {
        certificateChain: (await answer(certificateRequest)).map(Buffer.from),
        expiresAtMs: 0n,
        issuedAtMs: BigInt(Date.now()),
      });
    };
    const connection = connectAsMember(address(), identity);
    try {
      return await renew(connection, identity, { timeoutMs, timers: systemTimers });
    } finally {
      connection.close();
    }
  }

  const sooner: Answer = (request) => issued(request, { lifetimeMs: 60_000 });
  const later: Answer = (request) => issued(request, { fromMs: Date.now() + 24 * hourMs });
  it.each([
    ...chains,
    ['one that ends sooner than ours', /ends before/, sooner],
    ['one that begins when ours has ended', /begins after/, later],
  ] as typeof chains)('%s', async (_, message, answer) => {
    expect(await renewed(answer)).toMatchObject({
      fault: { code: 'CERTIFICATE_UNUSABLE', message: expect.stringMatching(message) },
    });
  });

  it('nothing; and what is right is taken', async () => {
    hostile.handlers.Renew = (call) => call.end();
    const connection = connectAsMember(address(), identity);
    const nothing = await renew(connection, identity, { timeoutMs, timers: systemTimers });
    connection.close();
    expect(nothing).toMatchObject({ ok: false, fault: { code: expect.stringMatching(/^GRPC_/) } });
    const right = unwrap(await renewed((request) => issued(request, { lifetimeMs: 2 * hourMs })));
    expect(expiryOf(right.chainPem)).toBeGreaterThan(expiryOf(identity.chainPem));
    expect(right).toMatchObject({ cluster, federation, receiptKey: identity.receiptKey });
  });
});

describe('an enrolment is refused that brings', () => {
  beforeEach(() => listen(false));

  type Over = Partial<{ cluster: string; federation: string; receiptKey: Buffer }>;

  async function enrolled(answer: Answer, over: Over = {}) {
    hostile.handlers.Enrol = async (call) => {
      await call.heard();
      const { certificateRequest } = EnrolRequest.decode(call.received.subarray(5));
      const certificateChain = (await answer(certificateRequest)).map(Buffer.from);
      const receiptKey = Buffer.from(newSigningKeyPair().publicKey);
      call.answer(EnrolResponse, {
        cluster,
        federation,
        certificateChain,
        receiptKey,
        expiresAtMs: 0n,
        issuedAtMs: BigInt(Date.now()),
        ...over,
      });
    };
    const secret = randomBytes(24).toString('base64url');
    const text = formatJoinToken({ tokenId: 't1', secret, authorityFingerprint: authority.fingerprint });
    return await enrol(address(), unwrap(parseJoinToken(text)), { timeoutMs, timers: systemTimers });
  }

  it.each(chains)('%s', async (_, message, answer) => {
    expect(await enrolled(answer)).toMatchObject({
      fault: { code: 'CERTIFICATE_UNUSABLE', message: expect.stringMatching(message) },
    });
  });

  const honest: Answer = (request) => issued(request);
  it.each([
    ['a receipt key of small order', { receiptKey: Buffer.alloc(32) }],
    ['a receipt key of one byte', { receiptKey: Buffer.alloc(1) }],
    ['a cluster that climbs', { cluster: '../../north' }],
    ['a federation without a name', { federation: '' }],
  ] as [string, Over][])('%s', async (_, over) => {
    expect(await enrolled(honest, over)).toMatchObject({ fault: { code: 'ENROLMENT_INVALID' } });
  });

  it('another name than its certificate has', async () => {
    expect(await enrolled(honest, { cluster: 'south' })).toMatchObject({ fault: { code: 'CERTIFICATE_UNUSABLE' } });
  });

  it('nothing wrong: that one is taken', async () => {
    expect(unwrap(await enrolled(honest))).toMatchObject({ cluster, federation });
  });
});
