import { generateKeyPairSync, sign } from 'node:crypto';

/** A new TLS key and the PKCS #10 request that proves its possession. */
export type CertificateRequest = Readonly<{ der: Buffer; keyPem: string }>;

/** ASN.1 tags (X.690). */
const [integer, bitString, utf8String, sequence, set] = [0x02, 0x03, 0x0c, 0x30, 0x31];
/** Object identifiers in DER: commonName 2.5.4.3, and ecdsa-with-SHA256 1.2.840.10045.4.3.2. */
const commonName = Buffer.from('0603550403', 'hex');
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');
/** No attributes: [0], empty. */
const noAttributes = Buffer.from('a000', 'hex');

/**
 * Written by hand (RFC 2986): a request is six values, and a library for certificates would be a fifth of a sensor's memory. The
 * subject is only a courtesy to people who read it: who issues ignores it.
 */
export async function newCertificateRequest(): Promise<CertificateRequest> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const name = der(set, der(sequence, commonName, der(utf8String, Buffer.from('testudo-client'))));
  const info = der(sequence, der(integer, Buffer.of(0)), der(sequence, name), spki, noAttributes);
  const signature = sign('sha256', info, privateKey);
  return {
    der: der(sequence, info, der(sequence, ecdsaWithSha256), der(bitString, Buffer.of(0), signature)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** One value: its tag, its length, its parts. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const long = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...(body.length < 0x80 ? [body.length] : long)), body]);
}
