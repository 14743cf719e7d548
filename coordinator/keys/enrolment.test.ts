import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Result, unwrap } from '../../base/fault.ts';
import { newSigningKeyPair, type SigningKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { signEnrolment } from '../../proto/envelope/enrolment-proof.ts';
import type { RenewResponse } from '../../proto/generated/testudo/v1/enrolment.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { parseJoinToken } from '../../proto/join-token.ts';
import { type Applicant, applicant, enrolWith, newcomer, settle } from '../testing/cluster.ts';
import { operator, TestFederation, track } from '../testing/federation.ts';
import { newOperatorKey } from './operator-credentials.ts';

/** As newSigningKeyPair, by node:crypto: 100 times as fast. */
function quickSigningKeyPair(): SigningKeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  const [seed, publicKey] = [Buffer.from(d ?? '', 'base64url'), Buffer.from(x ?? '', 'base64url')];
  return { publicKey, secretKey: Buffer.concat([seed, publicKey]) };
}

const codeOf = (result: Result<unknown>) => (result.ok ? 'OK' : result.fault.code);

async function start(settings: readonly string[] = []) {
  const federation = await TestFederation.start({ settings });
  const client = newcomer(federation.coordinator.addresses, federation.authority);
  onTestFinished(() => client.close());
  return { federation, client };
}

describe('Enrol', () => {
  it('gives exactly one of 1,000 applicants with one token a certificate', async () => {
    const { federation, client } = await start();
    const token = unwrap(parseJoinToken(await federation.token('a')));
    const tls = await newOperatorKey(); // One TLS key for all: making 1,000 is not what is tested here.
    const applicants = Array.from({ length: 1000 }, (): Applicant => ({ token, tls, signing: quickSigningKeyPair() }));
    const answers = await Promise.all(applicants.map((one) => enrolWith(client, one)));
    const winners = applicants.filter((_, at) => answers[at]?.ok);
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ ok }) => !ok).every((answer) => codeOf(answer) === 'TOKEN_USED')).toBe(true);
    const bound = federation.coordinator.engine.state().clusters.get('a' as never)?.signingKey;
    expect(bound).toBe(Buffer.from(winners[0]?.signing.publicKey ?? []).toString('base64'));
  });

  it('refuses unknown, revoked and expired tokens, and tells nothing else apart', async () => {
    const { federation, client } = await start();
    const sound = await applicant(await federation.token('a'));
    const guess = { ...sound, token: { ...sound.token, secret: randomBytes(32).toString('base64url') } };
    expect(codeOf(await enrolWith(client, guess))).toBe('TOKEN_UNKNOWN');
    expect(codeOf(await enrolWith(client, { ...sound, token: { ...sound.token, secret: 'x' } }))).toBe('TOKEN_UNKNOWN');
    const expired = await applicant(await federation.token('b', -1));
    expect(codeOf(await enrolWith(client, expired))).toBe('TOKEN_EXPIRED');
    unwrap(await federation.coordinator.membership.revokeToken(operator, sound.token.tokenId, 'test'));
    expect(codeOf(await enrolWith(client, sound))).toBe('TOKEN_REVOKED');
  });

  it('keeps the token good when the request or the proof is not', async () => {
    const { federation, client } = await start();
    const sound = await applicant(await federation.token('a'));
    const { token, tls, signing } = sound;
    const request = {
      token: token.secret,
      certificateRequest: tls.request,
      signingKey: Buffer.from(signing.publicKey),
      signingKeyProof: signEnrolment(tls.request, signing),
    };
    const enrol = async (change: Partial<typeof request>) =>
      codeOf(await settle((callback) => client.enrol({ ...request, ...change }, callback)));
    const another = await newOperatorKey();
    expect(await enrol({ certificateRequest: Buffer.from('nonsense') })).toBe('CERTIFICATE_REQUEST_INVALID');
    expect(await enrol({ certificateRequest: another.request })).toBe('SIGNATURE_INVALID'); // The proof is for another.
    expect(await enrol({ signingKeyProof: signEnrolment(tls.request, newSigningKeyPair()) })).toBe('SIGNATURE_INVALID');
    expect(await enrol({ signingKey: Buffer.alloc(32) })).toBe('KEY_INVALID'); // Small order: anyone could sign for it.
    expect(await enrol({ signingKey: Buffer.alloc(31, 1) })).toBe('KEY_INVALID');
    expect(await enrol({})).toBe('OK');
  });

  it('answers again where the answer was lost: the same signing key, within the life of the token, and nobody else', async () => {
    const { federation, client } = await start();
    const first = await applicant(await federation.token('a'));
    const lost = unwrap(await enrolWith(client, first));
    // The client knows nothing of that answer; it comes back with the same key and another request.
    const again = { ...first, tls: await newOperatorKey() };
    const enrolled = unwrap(await enrolWith(client, again));
    expect(enrolled).toMatchObject({ cluster: 'a' });
    expect(enrolled.certificateChain).not.toEqual(lost.certificateChain);
    const member = federation.coordinator.engine.state().clusters.get('a' as never);
    expect(member).toMatchObject({ signingKey: Buffer.from(first.signing.publicKey).toString('base64') });
    expect(member?.earlierSerials).toHaveLength(1);
    const watcher = federation.connect(again, enrolled);
    await watcher.watch([track]);
    // Whoever else holds the token's text does not hold the key.
    expect(codeOf(await enrolWith(client, { ...first, signing: newSigningKeyPair() }))).toBe('TOKEN_USED');
    // A new token makes a new member of the cluster; the old one's key is nobody then.
    unwrap(await enrolWith(client, await applicant(await federation.token('a'))));
    expect(codeOf(await enrolWith(client, again))).toBe('TOKEN_USED');
  });

  it('voids a cluster’s other unused tokens when it enrols and when it is revoked; one minted later is good', async () => {
    const { federation, client } = await start();
    const [older, first] = [await applicant(await federation.token('a')), await applicant(await federation.token('a'))];
    const other = await applicant(await federation.token('b'));
    unwrap(await enrolWith(client, first));
    expect(codeOf(await enrolWith(client, older))).toBe('TOKEN_REVOKED');
    const spare = await applicant(await federation.token('a'));
    unwrap(await federation.coordinator.membership.revokeCluster(operator, 'a' as ClusterId, 'test'));
    expect(codeOf(await enrolWith(client, spare))).toBe('TOKEN_REVOKED');
    expect(codeOf(await enrolWith(client, first))).toBe('TOKEN_USED');
    expect(federation.coordinator.engine.state().clusters.get('a' as ClusterId)?.status).toBe('revoked');
    unwrap(await enrolWith(client, other));
    unwrap(await enrolWith(client, await applicant(await federation.token('a'))));
    expect(federation.coordinator.engine.state().clusters.get('a' as ClusterId)?.status).toBe('enrolled');
  });

  it('limits how often one address may try', async () => {
    const { federation, client } = await start(['enrolments.burst=3', 'enrolments.perMinute=1']);
    const sound = await applicant(await federation.token('a'));
    const guess = { ...sound, token: { ...sound.token, secret: randomBytes(32).toString('base64url') } };
    const codes: string[] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) codes.push(codeOf(await enrolWith(client, guess)));
    expect(codes).toEqual(['TOKEN_UNKNOWN', 'TOKEN_UNKNOWN', 'TOKEN_UNKNOWN', 'RATE_LIMITED']);
  });

  it('stores no secret of a token, and logs none', async () => {
    const { federation } = await start();
    const { secret } = unwrap(parseJoinToken(await federation.token('a')));
    const entries = unwrap(await federation.coordinator.engine.audit(1, 1000));
    expect(JSON.stringify(entries)).toContain('tokenMinted');
    expect(JSON.stringify(entries)).not.toContain(secret);
  });
});

/** Whose TLS session says who it is needs no proof beside it. */
const unproven = Buffer.alloc(0);

describe('a membership', () => {
  it('goes on with a renewed certificate and a new TLS key', async () => {
    const { federation } = await start();
    const member = await federation.enrol('a');
    const { request, key } = await newOperatorKey();
    const renewed = unwrap(
      await settle<RenewResponse>((callback) =>
        member.enrolment.renew({ certificateRequest: request, signingKeyProof: unproven }, callback),
      ),
    );
    const { applied, enrolled } = member;
    const again = federation.connect({ ...applied, tls: { request, key } }, { ...enrolled, ...renewed });
    await again.watch([track]);
    expect(federation.coordinator.engine.connected().has('a' as never)).toBe(true);
  });

  it('renews a few times in a row and no more, and others renew meanwhile', async () => {
    const { federation } = await start();
    const [member, other] = [await federation.enrol('a'), await federation.enrol('b')];
    const { request } = await newOperatorKey();
    const renew = ({ enrolment }: typeof member) =>
      settle<RenewResponse>((callback) =>
        enrolment.renew({ certificateRequest: request, signingKeyProof: unproven }, callback),
      );
    const codes = await Promise.all(Array.from({ length: 40 }, async () => codeOf(await renew(member))));
    const renewedOf = async (cluster: string) =>
      (await federation.audit()).filter(
        ({ event }) => event.kind === 'certificateRenewed' && (event.cluster as string) === cluster,
      ).length;
    const served = codes.filter((code) => code === 'OK').length;
    expect(served).toBe(8); // One more each minute.
    expect(codes.filter((code) => code !== 'OK')).toEqual(Array.from({ length: 32 }, () => 'RATE_LIMITED'));
    expect(await renewedOf('a')).toBe(served);
    expect(codeOf(await renew(other))).toBe('OK');
  });

  it('ends at once when it is revoked: open streams are cut, calls refused, renewal too', async () => {
    const { federation } = await start();
    const member = await federation.enrol('a');
    await member.watch([track]);
    unwrap(await federation.coordinator.membership.revokeCluster(operator, 'a' as never, 'test'));
    expect(await member.watchFault).toBe('CLUSTER_REVOKED');
    const { request } = await newOperatorKey();
    const renewal = await settle((callback) =>
      member.enrolment.renew({ certificateRequest: request, signingKeyProof: unproven }, callback),
    );
    expect(codeOf(renewal)).toBe('CLUSTER_REVOKED');
    expect(await federation.refusals()).toContain('CLUSTER_REVOKED');
  });

  it('passes to whoever enrols with a newer token: the certificate of before is void', async () => {
    const { federation } = await start();
    const before = await federation.enrol('a');
    await before.watch([track]);
    const after = await federation.enrol('a');
    expect(await before.watchFault).toBe('CERTIFICATE_SUPERSEDED');
    await after.watch([track]);
    expect(federation.coordinator.engine.connected().has('a' as never)).toBe(true);
  });
});
