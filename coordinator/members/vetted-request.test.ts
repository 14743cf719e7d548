import { webcrypto } from 'node:crypto';
import { expect, it } from 'vitest';
import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { x509 } from '../../base/certificates/x509.ts';
import { unwrap } from '../../base/fault.ts';
import { publicKeyOfVettedRequest } from './vetted-request.ts';

const ed25519 = { name: 'Ed25519' };

async function soundRequest(
  algorithm: webcrypto.EcKeyGenParams | typeof ed25519,
  signing: webcrypto.Algorithm,
): Promise<Buffer> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    ...{ name: 'CN=x', keys, signingAlgorithm: signing },
  });
  return Buffer.from(request.rawData);
}

/** The neutral element of the curve: h times it is itself, so that R = 0·B with S = 0 is its signature over every message. */
const neutral = Buffer.from(`01${'00'.repeat(31)}`, 'hex');

it('a request under a key of small order, which anybody can sign for, is refused though its signature holds', async () => {
  const sound = await soundRequest(ed25519, ed25519);
  const key = unwrap(await publicKeyOfVettedRequest(sound));
  const forged = Buffer.from(sound);
  neutral.copy(forged, forged.indexOf(key.subarray(-32)));
  Buffer.concat([neutral, Buffer.alloc(32)]).copy(forged, forged.length - 64);
  expect(await publicKeyOfRequest(forged)).toMatchObject({ ok: true }); // OpenSSL lets it pass.
  expect(await publicKeyOfVettedRequest(forged)).toMatchObject({
    ok: false,
    fault: {
      code: 'CERTIFICATE_REQUEST_INVALID',
      message: expect.stringContaining('a point of small order, for which one signature fits many messages'),
    },
  });
});

it('a key on P-256 passes as it is', async () => {
  const p256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const request = await soundRequest(p256, p256);
  expect(await publicKeyOfVettedRequest(request)).toEqual(await publicKeyOfRequest(request));
});
