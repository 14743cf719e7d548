import type { SigningKeyPair } from '../envelope/crypto/keys.ts';
import { signMessage, verifyMessage } from '../envelope/crypto/signature.ts';
import { type NoteSignature, type SignedNote, signatureTypes, type VerifierKey, verifierKey } from './signed-note.ts';

/** C2SP tlog-cosignature, Ed25519: a witness' statement that at this time this was the largest consistent head it knew. */
export function cosign(text: string, name: string, key: SigningKeyPair, atSeconds: number): NoteSignature {
  const { keyId } = verifierKey(name, signatureTypes.cosignature, key.publicKey);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(atSeconds));
  return { name, keyId, signature: Buffer.concat([time, signMessage(statement(text, BigInt(atSeconds)), key)]) };
}

/** When the witness signed, in seconds since 1970; false where it is pretended to have; undefined where it has not. */
export function cosignedAt(note: SignedNote, key: VerifierKey): number | false | undefined {
  const own = note.signatures.filter(({ name, keyId }) => name === key.name && keyId === key.keyId);
  if (own.length === 0 || key.type !== signatureTypes.cosignature) return undefined;
  const times = own.map(({ signature }) => {
    if (signature.byteLength !== 72) return undefined;
    const at = Buffer.from(signature).readBigUInt64BE(0);
    const sound = verifyMessage(statement(note.text, at), signature.subarray(8), key.publicKey);
    return sound && at <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(at) : undefined;
  });
  return times.includes(undefined) ? false : Math.max(...(times as number[]));
}

function statement(text: string, at: bigint): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${at}\n${text}`);
}
