import { publicKeyOfRequest } from '../../base/certificates/certificate-request.ts';
import { type Result, refuse } from '../../base/fault.ts';
import { publicKeyBytes, vetSigningPublicKey } from '../../proto/envelope/crypto/keys.ts';

/** An Ed25519 key is an SPKI of this length, the key itself at its end; one of P-256 is longer, and OpenSSL vets its point. */
const ed25519SpkiBytes = 44;

/**
 * The public key (SPKI, DER) that a request for a certificate proves, and that is safe to take as somebody's: a request under a key of
 * small order proves nothing, since anybody can sign for that.
 */
export async function publicKeyOfVettedRequest(
  request: Uint8Array,
): Promise<Result<Buffer, 'CERTIFICATE_REQUEST_INVALID'>> {
  const key = await publicKeyOfRequest(request);
  if (!key.ok || key.value.byteLength !== ed25519SpkiBytes) return key;
  const vetted = vetSigningPublicKey(new Uint8Array(key.value.subarray(-publicKeyBytes)));
  return vetted.ok ? key : refuse('CERTIFICATE_REQUEST_INVALID', `certificate request: ${vetted.fault.message}`);
}
