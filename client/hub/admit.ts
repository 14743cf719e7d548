import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ok, type Result, refuse } from '../../base/fault.ts';
import { networkOf } from '../../base/serving/network.ts';
import { RateLimiter } from '../../base/serving/rate-limit.ts';
import type { Timers } from '../../base/time.ts';
import type { HubConfig } from './hub-config.ts';
import { type HubPeer, isPeerName, type PeerKind } from './peer-name.ts';
import { reviewToken } from './token-review.ts';

export type AdmissionFaultCode = 'TOKEN_UNKNOWN' | 'REQUEST_INVALID' | 'REVIEW_FAILED' | 'RATE_LIMITED';

/**
 * What one network (networkOf) may have the API server asked: as many at once as the sensors of many nodes behind one address
 * that start together, and two a second.
 */
const reviews = { burst: 60, refillMs: 500, keysMax: 8_192 };

const tokenCharactersMin = 32;
const tokenCharactersMax = 16_384;

/** Who may become a peer of the hub. */
export class TokenJudge {
  readonly #admission: HubConfig['admission'];
  readonly #timers: Pick<Timers, 'monotonicMs'>;
  readonly #reviews = new RateLimiter(reviews);

  constructor(admission: HubConfig['admission'], timers: Pick<Timers, 'monotonicMs'>) {
    this.#admission = admission;
    this.#timers = timers;
  }

  /** Whom a token from this address proves: its kind always, its name where the token says it. The token goes into no message. */
  async peerOf(
    { token, node }: Readonly<{ token: string; node: string }>,
    address: string,
  ): Promise<Result<HubPeer, AdmissionFaultCode>> {
    if (token.length === 0 || token.length > tokenCharactersMax) {
      return refuse('REQUEST_INVALID', `a token has 1 to ${tokenCharactersMax} characters`);
    }
    const admission = this.#admission;
    const proven =
      admission.kind === 'file'
        ? await bySharedToken(admission, token, node)
        : await this.#reviewed(admission, token, address);
    if (!proven.ok) return proven;
    return isPeerName(proven.value.name)
      ? proven
      : refuse('REQUEST_INVALID', 'the name of the node or agent is not one');
  }

  async #reviewed(
    admission: Extract<HubConfig['admission'], { kind: 'tokenReview' }>,
    token: string,
    address: string,
  ): Promise<Result<HubPeer, AdmissionFaultCode>> {
    const retryAfterMs = this.#reviews.waitMs(networkOf(address), this.#timers.monotonicMs());
    if (retryAfterMs === 0) return await reviewToken(admission, token);
    const why = `the API server is asked about no more tokens from ${address} for ${retryAfterMs} ms: it sent too many`;
    return refuse('RATE_LIMITED', why, { retryAfterMs });
  }
}

async function bySharedToken(
  { path, agentPath }: Extract<HubConfig['admission'], { kind: 'file' }>,
  token: string,
  name: string,
): Promise<Result<HubPeer, 'TOKEN_UNKNOWN' | 'REVIEW_FAILED'>> {
  const files = [['sensor', path], ...(agentPath === undefined ? [] : [['agent', agentPath]])] as [PeerKind, string][];
  for (const [kind, file] of files) {
    const expected = await sharedToken(file);
    if (!expected.ok) return expected;
    // Hashed first: their lengths then say nothing.
    const hash = (text: string) => createHash('sha256').update(text).digest();
    if (timingSafeEqual(hash(expected.value), hash(token.trim()))) return ok({ kind, name });
  }
  return refuse('TOKEN_UNKNOWN', 'the token is none that this hub shares with its sensors or its agent');
}

/** Why nobody could be admitted by the tokens in these files, one sentence for each; read anew at each admission. */
export async function sharedTokenProblems(admission: HubConfig['admission']): Promise<readonly string[]> {
  if (admission.kind !== 'file') return [];
  const { path, agentPath } = admission;
  const read = await Promise.all([path, ...(agentPath === undefined ? [] : [agentPath])].map(sharedToken));
  return read.flatMap((one) => (one.ok ? [] : [one.fault.message]));
}

async function sharedToken(path: string): Promise<Result<string, 'REVIEW_FAILED'>> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    return refuse('REVIEW_FAILED', `${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text.length >= tokenCharactersMin) return ok(text);
  return refuse('REVIEW_FAILED', `${path} holds fewer than ${tokenCharactersMin} characters: anybody could guess them`);
}
