import { type Envelope, preAuthentication } from '../../../base/dsse.ts';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { SigningKeyPair } from '../../../proto/envelope/crypto/keys.ts';
import { signMessage, verifyMessage } from '../../../proto/envelope/crypto/signature.ts';
import { keyIdOf } from '../../../proto/release/documents/key-id.ts';

/** Signs a payload with every key given. Key ids are those of our releases (TUF 1.0.34). */
export function sealed(payloadType: string, payload: Buffer, keys: readonly SigningKeyPair[]): Envelope {
  const message = preAuthentication(payloadType, payload);
  return {
    payload: payload.toString('base64'),
    payloadType,
    signatures: keys.map((key) => ({
      keyid: keyIdOf(key.publicKey),
      sig: signMessage(message, key).toString('base64'),
    })),
  };
}

/**
 * The payload, when one of the keys (Ed25519, 32 bytes each, vetted) has signed it. A signature under an unknown key id is
 * passed over; one under a known id that does not hold is SIGNATURE_INVALID, as is an envelope without any of them.
 */
export function opened(
  { payload, payloadType, signatures }: Envelope,
  wantedType: string,
  publicKeys: readonly Uint8Array[],
): Result<Buffer, 'SIGNATURE_INVALID'> {
  if (payloadType !== wantedType) {
    return refuse('SIGNATURE_INVALID', `the envelope holds ${payloadType}, expected ${wantedType}`);
  }
  const bytes = Buffer.from(payload, 'base64');
  const message = preAuthentication(payloadType, bytes);
  const known = new Map(publicKeys.map((key) => [keyIdOf(key), key]));
  let held = 0;
  for (const { keyid, sig } of signatures) {
    const key = known.get(keyid);
    if (key === undefined) continue;
    if (!verifyMessage(message, Buffer.from(sig, 'base64'), key)) {
      return refuse('SIGNATURE_INVALID', `the signature of key ${keyid.slice(0, 16)} does not hold`);
    }
    held += 1;
  }
  if (held > 0) return ok(bytes);
  const by = signatures.map(({ keyid }) => keyid.slice(0, 16)).join(', ') || 'nobody';
  return refuse('SIGNATURE_INVALID', `none of the given keys has signed it; it is signed by ${by}`);
}
