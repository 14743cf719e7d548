import { randomBytes } from 'node:crypto';
import * as oidc from 'openid-client';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { EpochMs, Timers } from '../../base/time.ts';
import type { CoordinatorConfig } from '../config/config.ts';
import type { Vouched } from '../members/authenticate.ts';
import type { WebFaultCode } from './faults.ts';
import { vouchedFor } from './vouching.ts';

type Settings = NonNullable<CoordinatorConfig['dashboard']['oidc']>;
type Flow = Readonly<{ state: string; nonce: string; verifier: string; endsAtMs: EpochMs }>;

const flowMs = 600_000;
/** People who are at their provider just now; the oldest gives way. */
const flowsMax = 256;

/** Logs people in whom an identity provider knows: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0). */
export class OidcLogin {
  readonly #settings: Settings;
  readonly #secret: string | undefined;
  readonly #redirect: string;
  readonly #timers: Timers;
  readonly #flows = new Map<string, Flow>();
  #provider: Promise<oidc.Configuration> | undefined;

  /** `origin`: where people are sent back to. */
  constructor(settings: Settings, secret: string | undefined, origin: string, timers: Timers) {
    this.#settings = settings;
    this.#secret = secret;
    this.#redirect = `${origin}/api/oidc/back`;
    this.#timers = timers;
  }

  /** Where to send a browser, and the secret of a cookie that it must bring back. */
  async start(): Promise<Result<Readonly<{ url: string; flow: string }>, WebFaultCode>> {
    const provider = await this.#discovered();
    if (!provider.ok) return provider;
    const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
    const url = oidc.buildAuthorizationUrl(provider.value, {
      redirect_uri: this.#redirect,
      scope: this.#settings.scopes.join(' '),
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    for (const oldest of this.#flows.keys()) {
      if (this.#flows.size < flowsMax) break;
      this.#flows.delete(oldest);
    }
    const flow = randomBytes(32).toString('base64url');
    this.#flows.set(flow, { state, nonce, verifier, endsAtMs: this.#timers.now() + flowMs });
    return ok({ url: url.href, flow });
  }

  /** Who came back. A flow is good once. `query`: of the address that the provider sent the browser to. */
  async finish(
    flow: string | undefined,
    query: string,
    sessionEndsAtMs: EpochMs,
  ): Promise<Result<Vouched, WebFaultCode>> {
    const known = flow === undefined ? undefined : this.#flows.get(flow);
    if (flow !== undefined) this.#flows.delete(flow);
    if (known === undefined || known.endsAtMs <= this.#timers.now()) {
      return refuse('LOGIN_REFUSED', 'nobody began this login in this browser within ten minutes: begin again');
    }
    const provider = await this.#discovered();
    if (!provider.ok) return provider;
    const { nameClaim, roleClaim, roles } = this.#settings;
    try {
      const tokens = await oidc.authorizationCodeGrant(provider.value, new URL(`${this.#redirect}${query}`), {
        pkceCodeVerifier: known.verifier,
        expectedState: known.state,
        expectedNonce: known.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims() ?? {};
      const { [nameClaim]: name, [roleClaim]: values } = claims as Readonly<Record<string, unknown>>;
      return vouchedFor(name, values, { by: 'oidc', roles, expiresAtMs: sessionEndsAtMs });
    } catch (error) {
      return refuse(
        'LOGIN_REFUSED',
        `the provider's answer was not accepted (${(error as Error).message}): begin again`,
      );
    }
  }

  async #discovered(): Promise<Result<oidc.Configuration, WebFaultCode>> {
    const { issuer, clientId } = this.#settings;
    const url = new URL(issuer);
    // A provider on this machine, as in tests; anywhere else only over TLS.
    const insecure = /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname) ? [oidc.allowInsecureRequests] : [];
    const authentication = this.#secret === undefined ? oidc.None() : oidc.ClientSecretBasic(this.#secret);
    this.#provider ??= oidc.discovery(url, clientId, undefined, authentication, { execute: insecure });
    try {
      return ok(await this.#provider);
    } catch {
      this.#provider = undefined; // Tried anew by the next who comes.
      return refuse(
        'PROVIDER_UNREACHABLE',
        'the identity provider does not answer: try again, or use `testudo dashboard`',
      );
    }
  }
}
