import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Fault, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { ClusterId } from '../../proto/ids.ts';

/** Long enough for a slow line and a retry; whoever records a proof has no longer to misuse it. */
const lifeMs = 120_000;
const numberBytes = 8;
const bodyBytes = 2 * numberBytes;
const macBytes = 32;

export type Challenge = Readonly<{ bytes: Buffer; lifeMs: number }>;

/**
 * What a member signs to come back. A challenge says its number and when it was made, under a MAC: nothing is stored for
 * whoever asks for one, so strangers cannot fill memory. Of each member the highest number that it has used is remembered:
 * no proof works twice, and a proof that was kept back is worth nothing once a newer one was used. The key dies with the
 * process: what another run gave is refused, and the member asks again.
 */
export class Challenges {
  readonly #key = randomBytes(macBytes);
  readonly #timers: Pick<Timers, 'monotonicMs'>;
  readonly #used = new Map<ClusterId, number>();
  #made = 0;

  constructor(timers: Pick<Timers, 'monotonicMs'>) {
    this.#timers = timers;
  }

  make(): Challenge {
    this.#made += 1;
    const body = Buffer.alloc(bodyBytes);
    body.writeBigUInt64BE(BigInt(this.#made));
    // The steady clock: nobody's wall clock takes part.
    body.writeBigUInt64BE(BigInt(Math.floor(this.#timers.monotonicMs())), numberBytes);
    return { bytes: Buffer.concat([body, this.#mac(body)]), lifeMs };
  }

  /** What is wrong with a stranger's challenge, whoever uses it. */
  check(challenge: Uint8Array): Fault<'CHALLENGE_INVALID'> | undefined {
    const bytes = Buffer.from(challenge);
    const body = bytes.subarray(0, bodyBytes);
    if (bytes.byteLength !== bodyBytes + macBytes || !timingSafeEqual(this.#mac(body), bytes.subarray(bodyBytes))) {
      return refuse('CHALLENGE_INVALID', 'the challenge was not made by this run of the coordinator; ask for one')
        .fault;
    }
    if (this.#timers.monotonicMs() - Number(body.readBigUInt64BE(numberBytes)) <= lifeMs) return undefined;
    return refuse('CHALLENGE_INVALID', `the challenge is older than ${lifeMs} ms; ask for another`).fault;
  }

  /** Uses up a challenge that `check` let through, for a member that has proven itself. */
  spend(challenge: Uint8Array, cluster: ClusterId): Fault<'CHALLENGE_USED'> | undefined {
    const number = Number(Buffer.from(challenge).readBigUInt64BE());
    if (number <= (this.#used.get(cluster) ?? 0)) {
      return refuse(
        'CHALLENGE_USED',
        `cluster ${cluster} has used this challenge or a newer one: someone repeats a proof`,
      ).fault;
    }
    this.#used.set(cluster, number);
    return undefined;
  }

  #mac(body: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(body).digest();
  }
}
