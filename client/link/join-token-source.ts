import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { digestOf } from '../../proto/digest.ts';
import { type SigningKeyPair, signingKeyPairOf } from '../../proto/envelope/crypto/keys.ts';
import { type JoinToken, parseJoinToken } from '../../proto/join-token.ts';
import { recordKey } from '../storage/sealed-record.ts';

/** Where a text that nobody else may read comes from. */
export type SecretSource = Readonly<{ kind: 'file'; path: string } | { kind: 'environment'; name: string }>;

type TokenFaultCode = 'JOIN_TOKEN_MISSING' | 'JOIN_TOKEN_INVALID';

/** The token that the source holds now: a file may have another one than before. */
export async function readJoinToken(source: SecretSource): Promise<Result<JoinToken, TokenFaultCode>> {
  const text = await readSecret(source);
  return text.ok ? parseJoinToken(text.value) : text;
}

/**
 * The signing key for a token: the same for the same token, over restarts as well, so that an answer that is lost can be
 * asked for again.
 */
export function signingKeyFor({ secret }: JoinToken, dataKey: Uint8Array): SigningKeyPair {
  return signingKeyPairOf(recordKey(dataKey, `signing-key/${digestOf(Buffer.from(secret))}`).bytes);
}

async function readSecret(source: SecretSource): Promise<Result<string, 'JOIN_TOKEN_MISSING'>> {
  if (source.kind === 'environment') {
    const text = process.env[source.name];
    return text === undefined
      ? refuse('JOIN_TOKEN_MISSING', `join token: environment variable ${source.name} is not set`)
      : ok(text);
  }
  try {
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return refuse('JOIN_TOKEN_MISSING', `join token: ${source.path} cannot be read (${code})`);
  }
}
