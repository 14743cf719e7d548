import 'reflect-metadata'; // @peculiar/x509 resolves its algorithms through it: must come first.
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { pemOf } from './pem.ts';

x509.cryptoProvider.set(webcrypto as never);

export { x509 };

/** ECDSA on P-256: the one curve that every TLS stack, HSM and cloud key service speaks. */
export const certificateAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export function makeCertificateKeyPair() {
  return webcrypto.subtle.generateKey(certificateAlgorithm, true, ['sign', 'verify']);
}

/** PKCS #8 in PEM: what TLS and files want. */
export async function exportPrivateKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const text = pemOf('PRIVATE KEY', der);
  der.fill(0);
  return text;
}

export async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  try {
    return await webcrypto.subtle.importKey('pkcs8', der, certificateAlgorithm, false, ['sign']);
  } finally {
    der.fill(0);
  }
}
