import { randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { certificateAlgorithm, makeCertificateKeyPair, x509 } from '../../base/certificates/x509.ts';
import { parseClusterId, parseFederationId } from '../../proto/ids.ts';
import { Authority, issuedAtMs, makeAuthority, makeIssuer } from './authority.ts';

const federation = parseFederationId('herd');
const nowMs = Date.parse('2026-11-21T12:00:00.250Z');
const dayMs = 86_400_000;

async function freshPublicKey() {
  return Buffer.from(await webcrypto.subtle.exportKey('spki', (await makeCertificateKeyPair()).publicKey));
}

async function requestBy(keys: webcrypto.CryptoKeyPair, signingAlgorithm: object = certificateAlgorithm) {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=whoever I say I am',
    keys: keys as never,
    signingAlgorithm: signingAlgorithm as never,
  });
  return Buffer.from(request.rawData);
}

describe('Authority', () => {
  it('issues a leaf that chains to the root, names one SPIFFE id and may only call', async () => {
    const made = await makeAuthority(federation, nowMs);
    const authority = await Authority.load(federation, made.root.certificate, made.issuer);
    const identity = { kind: 'cluster', federation, cluster: parseClusterId('eu-1') } as const;
    const plan = authority.plan(nowMs, dayMs, randomBytes(9));
    const [leaf, issuer, root] = (await authority.issue(identity, await freshPublicKey(), plan)).map(
      (der) => new X509Certificate(der),
    ) as [X509Certificate, X509Certificate, X509Certificate];
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(issuer.verify(root.publicKey)).toBe(true);
    expect(root.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(authority.fingerprint);
    expect(leaf.subjectAltName).toBe('URI:spiffe://herd/cluster/eu-1');
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']); // clientAuth alone: never a server.
    expect(leaf.ca).toBe(false);
    expect(leaf.serialNumber.toLowerCase()).toBe(plan.serial);
    expect(leaf.validToDate.getTime()).toBe(plan.expiresAtMs);
    expect(issuedAtMs(plan.serial)).toBe(nowMs);
  });

  it('never lets a leaf outlive its issuer', async () => {
    const made = await makeAuthority(federation, nowMs);
    const authority = await Authority.load(federation, made.root.certificate, made.issuer);
    const plan = authority.plan(nowMs, 100_000 * dayMs, randomBytes(9));
    const [leaf, issuer] = await authority.issue({ kind: 'coordinator', federation }, await freshPublicKey(), plan);
    const [end, limit] = [leaf, issuer].map((der) => new X509Certificate(der as Buffer).validToDate.getTime());
    expect(end).toBe(limit);
    expect(plan.expiresAtMs).toBe(limit);
  });

  it('refuses to load an issuer beside a root that did not sign it', async () => {
    const ours = await makeAuthority(federation, nowMs);
    const theirs = await makeAuthority(federation, nowMs);
    await expect(Authority.load(federation, ours.root.certificate, theirs.issuer)).rejects.toThrow('not signed by');
    const replaced = await makeIssuer(federation, ours.root, nowMs + dayMs);
    await expect(Authority.load(federation, ours.root.certificate, replaced)).resolves.toBeInstanceOf(Authority);
  });
});

describe('publicKeyOfRequest', () => {
  it('accepts P-256 and Ed25519 keys and gives back exactly the key', async () => {
    const p256 = (await makeCertificateKeyPair()) as webcrypto.CryptoKeyPair;
    const ed25519 = (await webcrypto.subtle.generateKey('Ed25519', true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair;
    for (const [keys, algorithm] of [
      [p256, certificateAlgorithm],
      [ed25519, { name: 'Ed25519' }],
    ] as const) {
      const got = await publicKeyOfRequest(await requestBy(keys, algorithm));
      expect(got).toEqual({ ok: true, value: Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey)) });
    }
  });

  it('refuses a flipped bit, another curve, no bytes, too many and noise, and never throws', async () => {
    const sound = await requestBy((await makeCertificateKeyPair()) as webcrypto.CryptoKeyPair);
    const flipped = Buffer.from(sound);
    flipped.writeUInt8(flipped.readUInt8(60) ^ 1, 60); // Inside the subject, which the signature covers.
    const p384 = { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' };
    const other = await requestBy((await webcrypto.subtle.generateKey(p384, true, ['sign', 'verify'])) as never, p384);
    const truncated = Array.from({ length: 40 }, (_, index) => sound.subarray(0, index * 5));
    const noise = Array.from({ length: 200 }, () => randomBytes(1 + Math.floor(Math.random() * 400)));
    for (const bad of [flipped, other, Buffer.alloc(0), Buffer.alloc(8193), ...truncated, ...noise]) {
      expect(await publicKeyOfRequest(bad)).toMatchObject({
        ok: false,
        fault: { code: 'CERTIFICATE_REQUEST_INVALID' },
      });
    }
  });
});
