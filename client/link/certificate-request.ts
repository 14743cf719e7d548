// @peculiar/x509 needs the metadata shim before it loads.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';

/** A new TLS key and the PKCS #10 request that proves its possession. */
export type CertificateRequest = Readonly<{ der: Buffer; keyPem: string }>;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** The subject is only a courtesy to people who read it: the coordinator ignores it. */
export async function newCertificateRequest(): Promise<CertificateRequest> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=testudo-client',
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const body = pkcs8.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    der: Buffer.from(request.rawData),
    keyPem: `-----BEGIN PRIVATE KEY-----\n${body.join('\n')}\n-----END PRIVATE KEY-----\n`,
  };
}
