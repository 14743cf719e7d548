import { randomBytes } from 'node:crypto';
import type { Timer, Timers } from '../../base/time.ts';
import { type Authority, pemOfChain } from './authority.ts';

const retryMs = 60_000;

export type ServerIdentity = Readonly<{
  /** PEM: leaf, issuer, root. The root goes along so that a newcomer can check the fingerprint in its token. */
  chain: string;
  key: string;
}>;

/** Our listeners' certificate: issued anew, with a new key, at two thirds of its life. */
export class ServerCertificate {
  readonly #authority: Authority;
  readonly #hosts: readonly string[];
  readonly #lifetimeMs: number;
  readonly #timers: Timers;
  #timer: Timer | undefined;

  constructor(authority: Authority, hosts: readonly string[], lifetimeMs: number, timers: Timers) {
    this.#authority = authority;
    this.#hosts = hosts;
    this.#lifetimeMs = lifetimeMs;
    this.#timers = timers;
  }

  async issue(): Promise<ServerIdentity> {
    const plan = this.#authority.plan(this.#timers.now(), this.#lifetimeMs, randomBytes(9));
    const { chain, key } = await this.#authority.issueServer(this.#hosts, plan);
    return { chain: pemOfChain(chain), key };
  }

  /** Hands each new certificate to `replace` until `stop`; `failed` hears why one could not be made, and it tries again. */
  keepRenewing(replace: (identity: ServerIdentity) => void, failed: (error: unknown) => void): void {
    const renewIn = (ms: number) => {
      this.#timer = this.#timers.after(ms, () => {
        this.issue().then(
          (identity) => {
            replace(identity);
            renewIn((this.#lifetimeMs * 2) / 3);
          },
          (error) => {
            failed(error);
            renewIn(retryMs);
          },
        );
      });
    };
    renewIn((this.#lifetimeMs * 2) / 3);
  }

  stop(): void {
    this.#timers.cancel(this.#timer);
  }
}
