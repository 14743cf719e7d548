import { ok, type Result, refuse } from '../base/fault.ts';

/**
 * The text an operator hands to a cluster: "testudo1.<token id>.<secret>.<fingerprint>". The fingerprint is the SHA-256
 * of the certificate authority's DER, in hexadecimal: it authenticates the coordinator before the secret is sent.
 */
export type JoinToken = Readonly<{
  /** 1 to 32 of a-z and 0-9: names the token in listings and logs. */
  tokenId: string;
  /** 20 to 128 of A-Z, a-z, 0-9, "-" and "_": the only part that goes over the wire. */
  secret: string;
  /** 64 lower-case hexadecimal digits. */
  authorityFingerprint: string;
}>;

const pattern = /^testudo1\.([a-z0-9]{1,32})\.([A-Za-z0-9_-]{20,128})\.([0-9a-f]{64})$/;

export function formatJoinToken({ tokenId, secret, authorityFingerprint }: JoinToken): string {
  const text = `testudo1.${tokenId}.${secret}.${authorityFingerprint}`;
  if (!pattern.test(text)) throw new RangeError('join token: a part has an illegal length or alphabet');
  return text;
}

/** Never repeats the text in its fault: it holds a secret. */
export function parseJoinToken(text: string): Result<JoinToken, 'JOIN_TOKEN_INVALID'> {
  const [, tokenId, secret, authorityFingerprint] = pattern.exec(text.trim()) ?? [];
  if (tokenId === undefined || secret === undefined || authorityFingerprint === undefined) {
    return refuse(
      'JOIN_TOKEN_INVALID',
      'join token: expected "testudo1.<id>.<secret>.<fingerprint>" as `testudo tokens create` prints it; copy it whole',
    );
  }
  return ok({ tokenId, secret, authorityFingerprint });
}
