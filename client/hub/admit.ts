import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { HubConfig } from './hub-config.ts';
import { isNodeName } from './node-name.ts';
import { reviewToken } from './token-review.ts';

export type AdmissionFaultCode = 'TOKEN_UNKNOWN' | 'REQUEST_INVALID' | 'REVIEW_FAILED';

const tokenCharactersMin = 32;
const tokenCharactersMax = 16_384;

/** The node that a token proves, or that its holder says. The token goes into no message. */
export async function nodeOfToken(
  admission: HubConfig['admission'],
  { token, node }: Readonly<{ token: string; node: string }>,
): Promise<Result<string, AdmissionFaultCode>> {
  if (token.length === 0 || token.length > tokenCharactersMax) {
    return refuse('REQUEST_INVALID', `a sensor's token has 1 to ${tokenCharactersMax} characters`);
  }
  const proven =
    admission.kind === 'file' ? await bySharedToken(admission.path, token, node) : await reviewToken(admission, token);
  if (!proven.ok) return proven;
  return isNodeName(proven.value) ? proven : refuse('REQUEST_INVALID', 'the name of the node is not one');
}

async function bySharedToken(
  path: string,
  token: string,
  node: string,
): Promise<Result<string, 'TOKEN_UNKNOWN' | 'REVIEW_FAILED'>> {
  let expected: string;
  try {
    expected = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    return refuse('REVIEW_FAILED', `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (expected.length < tokenCharactersMin) {
    return refuse(
      'REVIEW_FAILED',
      `${path} holds fewer than ${tokenCharactersMin} characters: anybody could guess them`,
    );
  }
  // Hashed first: their lengths then say nothing.
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(expected), hash(token.trim()))
    ? ok(node)
    : refuse('TOKEN_UNKNOWN', 'the token is not the one that this hub shares with its sensors');
}
