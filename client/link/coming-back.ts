import type { Fault } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import { type Address, inTurn } from './address.ts';
import { enrol, enrolmentRetries } from './enrol.ts';
import type { ClusterIdentity } from './identity-store.ts';
import { readJoinToken, type SecretSource, signingKeyFor } from './join-token-source.ts';
import { type Rejoining, rejoin } from './rejoin.ts';

/** What became of an attempt to get back in. */
export type Recovery = Readonly<
  | Extract<Rejoining, { kind: 'inForce' }>
  | {
      kind: 'restored';
      by: 'signingKey' | 'token';
      identity: ClusterIdentity;
      coordinatorNowMs: EpochMs | undefined;
    }
  /** `final`: the same attempt fails again; only an operator can help, with a new token. */
  | { kind: 'refused'; fault: Fault; final: boolean; coordinatorNowMs: EpochMs | undefined }
>;

type ComingBackParts = Readonly<{
  /** Where Enrol, Challenge and Rejoin are served; one after another where none answers. */
  addresses: readonly [Address, ...Address[]];
  joinToken: SecretSource | undefined;
  dataKey: Uint8Array;
  timeoutMs: number;
  timers: Timers;
}>;

const final: ReadonlySet<string> = new Set(['CLUSTER_REVOKED', 'REJOIN_TOO_LATE', 'MEMBER_UNPROVEN']);

/**
 * How a member that is shut out gets back in: by a join token that it was not made with, where the operator has put one in
 * place, and otherwise by proof of its signing key. The token is read anew each time: no restart is needed for it.
 */
export class ComingBack {
  readonly #parts: ComingBackParts;
  /** Tokens that were refused for good, by the public key that they would have made a member: none is tried twice. */
  readonly #refused = new Set<string>();
  #attempt = 0;

  constructor(parts: ComingBackParts) {
    this.#parts = parts;
  }

  async recover(identity: ClusterIdentity): Promise<Recovery> {
    const { addresses, timeoutMs, timers } = this.#parts;
    const enrolled = await this.enrolAfresh(identity);
    if (enrolled?.kind === 'restored') return enrolled;
    const rejoined = await rejoin(inTurn(addresses, this.#attempt), identity, { timeoutMs, timers });
    switch (rejoined.kind) {
      case 'inForce':
        return rejoined;
      case 'rejoined':
        return { ...rejoined, kind: 'restored', by: 'signingKey' };
      case 'refused': {
        // While a token waits only for a coordinator that answers, nothing is final.
        this.#attempt++;
        const isFinal = final.has(rejoined.fault.code) && (enrolled === undefined || enrolled.final);
        return { ...rejoined, final: isFinal };
      }
    }
  }

  /** What a token brought that this identity was not made with; nothing where there is none that has not failed before. */
  async enrolAfresh(identity: ClusterIdentity): Promise<Exclude<Recovery, { kind: 'inForce' }> | undefined> {
    const { addresses, joinToken, dataKey, timeoutMs, timers } = this.#parts;
    if (joinToken === undefined) return undefined;
    const token = await readJoinToken(joinToken);
    if (!token.ok) return undefined; // It has done its work, and was taken away.
    const signing = signingKeyFor(token.value, dataKey);
    const isOurs = Buffer.from(signing.secretKey.subarray(0, 32)).equals(identity.signingSeed);
    const name = Buffer.from(signing.publicKey).toString('hex');
    if (isOurs || this.#refused.has(name)) return undefined;
    const enrolled = await enrol(inTurn(addresses, this.#attempt), token.value, { timeoutMs, timers, signing });
    if (enrolled.ok) return { kind: 'restored', by: 'token', identity: enrolled.value, coordinatorNowMs: undefined };
    const isFinal = !enrolmentRetries.has(enrolled.fault.code);
    if (isFinal) this.#refused.add(name);
    return { kind: 'refused', fault: enrolled.fault, final: isFinal, coordinatorNowMs: undefined };
  }
}
