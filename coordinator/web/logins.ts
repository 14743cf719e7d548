import type { IncomingMessage, ServerResponse } from 'node:http';
import { ok, type Result } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { Session, Sessions } from '../access/sessions.ts';
import type { Credential } from '../members/authenticate.ts';
import type { WebFaultCode } from './faults.ts';
import type { OidcLogin } from './oidc.ts';
import { cookieHeader, cookieOf, readJson, type Site } from './requests.ts';
import type { WaysShape } from './shapes.ts';
import { byProxy, type ProxySettings } from './vouching.ts';

type Parts = Readonly<{
  site: Site;
  sessions: Sessions;
  timers: Timers;
  sessionMs: number;
  oidc: OidcLogin | undefined;
  proxy: ProxySettings | undefined;
}>;

type LoginFaultCode = WebFaultCode | 'REQUEST_INVALID' | 'MESSAGE_TOO_LARGE';

/** The ways into a session: a one-time link, a proxy that vouches, an identity provider. */
export class Logins {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Which there are, for who is not logged in. */
  ways(request: IncomingMessage): WaysShape {
    const { oidc, proxy } = this.#parts;
    return { oidc: oidc !== undefined, proxy: byProxy(request, proxy, 0) !== undefined };
  }

  /** By a link's secret in the body; without one, by what a proxy says. */
  async login(request: IncomingMessage, response: ServerResponse): Promise<Result<Session, LoginFaultCode>> {
    const body = await readJson(request);
    if (!body.ok) return body;
    const { secret } = (body.value ?? {}) as Readonly<{ secret?: unknown }>;
    const vouched = secret === undefined ? byProxy(request, this.#parts.proxy, this.#sessionEndsAtMs()) : undefined;
    if (vouched !== undefined) return vouched.ok ? ok(this.#begin(response, vouched.value)) : vouched;
    const opened = this.#parts.sessions.open(typeof secret === 'string' ? secret : '');
    if (!opened.ok) return opened;
    this.#setCookie(response, opened.value.cookie, opened.value.session);
    return ok(opened.value.session);
  }

  /** Where to send the browser. */
  async startOidc(response: ServerResponse, oidc: OidcLogin): Promise<Result<string, WebFaultCode>> {
    const started = await oidc.start();
    if (!started.ok) return started;
    const { site } = this.#parts;
    // Lax: the provider sends the browser back from another site, and this cookie has to come along. It opens nothing.
    response.setHeader('set-cookie', cookieHeader(flowOf(site), started.value.flow, 600).replace('Strict', 'Lax'));
    return ok(started.value.url);
  }

  async finishOidc(
    request: IncomingMessage,
    response: ServerResponse,
    oidc: OidcLogin,
  ): Promise<Result<Session, WebFaultCode>> {
    const { site } = this.#parts;
    const query = /\?.*$/s.exec(request.url ?? '')?.[0] ?? '';
    const vouched = await oidc.finish(cookieOf(request, flowOf(site)), query, this.#sessionEndsAtMs());
    return vouched.ok ? ok(this.#begin(response, vouched.value)) : vouched;
  }

  #begin(response: ServerResponse, credential: Credential): Session {
    const { cookie, session } = this.#parts.sessions.begin(credential);
    this.#setCookie(response, cookie, session);
    return session;
  }

  #setCookie(response: ServerResponse, cookie: string, { expiresAtMs }: Session): void {
    const { site, timers } = this.#parts;
    response.setHeader('set-cookie', cookieHeader(site, cookie, Math.ceil((expiresAtMs - timers.now()) / 1000)));
  }

  #sessionEndsAtMs(): number {
    return this.#parts.timers.now() + this.#parts.sessionMs;
  }
}

/** The cookie of somebody who is at the provider. */
function flowOf(site: Site): Site {
  return { ...site, cookie: `${site.cookie}-oidc` };
}
