import { createPublicKey } from 'node:crypto';
import { ok, type Result, refuse } from '../fault.ts';
import { x509 } from './x509.ts';

const requestBytesMax = 8_192;

const keyNames = { prime256v1: 'a P-256', ed25519: 'an Ed25519' } as const;
type KeyKind = keyof typeof keyNames;

/**
 * The public key (SPKI, DER) that a PKCS #10 request asks a certificate for: its self-signature holds, so the applicant
 * has the key. Everything else in it, subject and extensions, is ignored.
 */
export async function publicKeyOfRequest(
  der: Uint8Array,
  kinds: readonly KeyKind[] = ['prime256v1', 'ed25519'],
): Promise<Result<Buffer, 'CERTIFICATE_REQUEST_INVALID'>> {
  if (der.byteLength === 0 || der.byteLength > requestBytesMax) {
    return invalid(`expected 1 to ${requestBytesMax} bytes of DER, got ${der.byteLength}`);
  }
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(der));
    const spki = Buffer.from(request.publicKey.rawData);
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    const kind = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
    if (!kinds.some((one) => one === kind)) {
      return invalid(`a ${kind} key; make ${kinds.map((one) => keyNames[one]).join(' or ')} key`);
    }
    return (await request.verify()) ? ok(spki) : invalid('its signature does not fit its key');
  } catch {
    return invalid('it is not a PKCS #10 request in DER');
  }
}

function invalid(why: string): Result<never, 'CERTIFICATE_REQUEST_INVALID'> {
  return refuse('CERTIFICATE_REQUEST_INVALID', `certificate request: ${why}`);
}
