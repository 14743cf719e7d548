import type { IncomingMessage, ServerResponse } from 'node:http';
import { ok, type Result, refuse } from '../../base/fault.ts';
import type { Log } from '../../base/log.ts';
import { type HttpServer, serveHttp } from '../../base/serving/http-server.ts';
import type { TlsFiles } from '../../base/serving/tls-files.ts';
import type { Timers } from '../../base/time.ts';
import type { AccessControl, Call, IncomingCall } from '../access/access-control.ts';
import { type CallRule, calls, dashboardCalls } from '../access/calls.ts';
import { type Session, type Sessions, showsToken } from '../access/sessions.ts';
import type { OperatorRole } from '../ledger/journal/events.ts';
import type { Membership } from '../members/membership.ts';
import type { Registry } from '../registry/registry.ts';
import type { Engine } from '../rounds/engine.ts';
import { ActDesk, actNamed } from './acts.ts';
import { type Download, guard, sendAsset, sendDownload, sendFault, sendJson } from './answers.ts';
import { type Assets, startPage } from './assets.ts';
import type { WebFaultCode } from './faults.ts';
import { Live } from './live.ts';
import { Logins } from './logins.ts';
import type { OidcLogin } from './oidc.ts';
import { readNamed } from './reads.ts';
import { cookieHeader, cookieOf, crossSite, originOf, readJson, type Site } from './requests.ts';
import type { SessionShape } from './shapes.ts';
import type { ProxySettings } from './vouching.ts';

export type DashboardParts = Readonly<{
  /** host:port. */
  listen: string;
  tls: TlsFiles | undefined;
  site: Site;
  /** undefined: this coordinator was built without them. */
  assets: Assets | undefined;
  sessions: Sessions;
  sessionMs: number;
  oidc: OidcLogin | undefined;
  proxy: ProxySettings | undefined;
  access: AccessControl;
  engine: Engine;
  registry: Registry;
  membership: Membership;
  timers: Timers;
  log: Log;
}>;

/** A page holds one connection open and needs another now and then. */
const connectionsMax = 256;
/** What a page that reads too slowly may have waiting before it is cut; it comes again by itself. */
const unreadBytesMax = 8 << 20;

const oidcSteps: ReadonlySet<string> = new Set(['oidc/start', 'oidc/back']);

const notBuilt =
  'this coordinator was built without its dashboard: `npm run build` makes it (and `npm run setup` in a checkout)\n';

/** The operators' pages, and what they ask for. Rejects with the system's error when the port cannot be had. */
export async function openDashboard(parts: DashboardParts): Promise<HttpServer> {
  const { listen, tls, log } = parts;
  const failed = (error: unknown) => log.error({ err: error }, 'dashboard: a look failed');
  const live = new Live({ ...parts, failed });
  const dashboard = new Dashboard(parts, live);
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    dashboard.answer(request, response).catch((error: unknown) => {
      log.error({ err: error }, 'dashboard: a request failed');
      response.destroy();
    });
  };
  const server = await serveHttp(listen, answer, { connectionsMax, tls });
  return {
    port: server.port,
    async close() {
      await live.close();
      await server.close();
    },
  };
}

class Dashboard {
  readonly #parts: DashboardParts;
  readonly #live: Live;
  readonly #desk: ActDesk;
  readonly #logins: Logins;

  constructor(parts: DashboardParts, live: Live) {
    this.#parts = parts;
    this.#desk = new ActDesk(parts);
    this.#logins = new Logins(parts);
    this.#live = live;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { site, access } = this.#parts;
    guard(response, site);
    const origin = originOf(request, site);
    const { pathname: path } = URL.parse(request.url ?? '', 'http://dashboard') ?? { pathname: '/' };
    if (!origin.ok) {
      access.refuseUnserved(dashboardCalls.login, incomingOf(request, response, path), origin.fault);
      return sendFault(response, origin.fault);
    }
    if (path.startsWith('/api/')) return this.#api(request, response, path.slice('/api/'.length), origin.value);
    this.#page(request, response, path);
  }

  #page(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { assets } = this.#parts;
    const plain = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { ...plain, allow: 'GET, HEAD' }).end('only GET\n');
    } else if (assets === undefined) {
      response.writeHead(503, plain).end(notBuilt);
    } else {
      // Every address that is no file's is a page, which the browser draws by itself.
      const asset = assets.get(path) ?? (/\.\w+$/.test(path) ? undefined : assets.get(startPage));
      if (asset === undefined) response.writeHead(404, plain).end('there is no such file\n');
      else sendAsset(response, asset, request.headers['if-none-match']);
    }
  }

  async #api(request: IncomingMessage, response: ServerResponse, name: string, origin: string): Promise<void> {
    const { site, sessions } = this.#parts;
    const isChange = request.method !== 'GET';
    const from = request.headers['sec-fetch-site'];
    const foreign = isChange
      ? crossSite(request, origin)
      : from === undefined || from === 'same-origin' || from === 'none'
        ? undefined
        : 'the browser says that it came from another site';
    const cookie = cookieOf(request, site);
    const session = cookie === undefined ? undefined : sessions.find(cookie);
    const refused = (fault: ReturnType<typeof refuse<WebFaultCode>>['fault']) => {
      const rule = session === undefined ? dashboardCalls.login : dashboardCalls.live;
      const incoming = { ...incomingOf(request, response, name), certificate: session?.certificate };
      this.#parts.access.refuseUnserved(rule, incoming, fault);
      sendFault(response, fault);
    };
    const { oidc } = this.#parts;
    // Reached from the provider's pages: what they bring is held to a flow that began in this browser.
    if (oidc !== undefined && !isChange && oidcSteps.has(name)) return this.#oidc(request, response, name, oidc);
    if (foreign !== undefined)
      return refused(refuse('CROSS_SITE', `the request was not made by this page: ${foreign}`).fault);
    if (name === 'login' && isChange) return this.#login(request, response);
    if (name === 'ways' && !isChange) return sendJson(response, this.#logins.ways(request));
    if (session === undefined || cookie === undefined) {
      return refused(refuse('SESSION_OVER', 'nobody is logged in: `testudo dashboard` gives a link').fault);
    }
    if (isChange && !showsToken(session, String(request.headers['x-testudo-token'] ?? ''))) {
      return refused(refuse('CROSS_SITE', 'the request does not show the token of this session').fault);
    }
    if (name === 'logout' && isChange) {
      sessions.end(cookie);
      response.setHeader('set-cookie', cookieHeader(site, '', 0));
      return sendJson(response, {});
    }
    if (name === 'live' && !isChange) return this.#follow(request, response, session);
    if (name === 'session' && !isChange) {
      return this.#serve(request, response, session, calls.operator.getStatus, async (call) =>
        ok(this.#sessionShape(session, call)),
      );
    }
    const [word = '', ...words] = name.split('/').map(decoded);
    const read = isChange ? undefined : readNamed.get(word);
    if (read !== undefined && words.length === read.words) {
      const { searchParams: query } = new URL(request.url ?? '', 'http://dashboard');
      const asked = { words, query };
      return this.#serve(request, response, session, read.rule, (call) => read.serve(this.#parts, { ...asked, call }));
    }
    const [act = ''] = words;
    const known = isChange && word === 'acts' ? actNamed.get(act) : undefined;
    if (known !== undefined && words.length === 1) {
      return this.#serve(request, response, session, known.rule, async (call) => {
        const body = await readJson(request);
        return body.ok ? this.#desk.perform(known, call, body.value) : body;
      });
    }
    return refused(refuse('PAGE_UNKNOWN', `there is nothing called ${name}`).fault);
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { access } = this.#parts;
    const served = await access.serve(dashboardCalls.login, incomingOf(request, response, 'login'), () =>
      this.#logins.login(request, response),
    );
    if (!served.ok) return sendFault(response, served.fault);
    await this.#serve(request, response, served.value, calls.operator.getStatus, async (call) => {
      this.#noteLogin(call);
      return ok(this.#sessionShape(served.value, call));
    });
  }

  /** To the identity provider, and back from it: navigations, so answers are redirections, and sentences where it failed. */
  async #oidc(request: IncomingMessage, response: ServerResponse, name: string, oidc: OidcLogin): Promise<void> {
    const { access } = this.#parts;
    const served = await access.serve(dashboardCalls.login, incomingOf(request, response, name), async () => {
      if (name === 'oidc/start') return this.#logins.startOidc(response, oidc);
      const session = await this.#logins.finishOidc(request, response, oidc);
      return session.ok ? ok('/') : session;
    });
    const location = served.ok ? served.value : `/login?refused=${served.fault.code}`;
    response.writeHead(302, { location, 'cache-control': 'no-store' }).end();
  }

  #noteLogin({ caller }: Call<'viewer'>): void {
    this.#parts.log.info({ operator: caller.name, role: caller.role }, 'dashboard session opened');
  }

  #sessionShape({ csrf, expiresAtMs }: Session, { caller }: Call<'viewer'>): SessionShape {
    const { federation } = this.#parts.engine;
    return { federation, operator: caller.name, role: caller.role, token: csrf, expiresAtMs };
  }

  /** One call of an operator's, let in by the session's certificate as it would be over gRPC. */
  async #serve<Kind extends OperatorRole, Code extends string>(
    request: IncomingMessage,
    response: ServerResponse,
    session: Session,
    rule: CallRule<Kind>,
    work: (call: Call<Kind>) => Promise<Result<unknown, Code>>,
  ): Promise<void> {
    const incoming = { ...incomingOf(request, response, request.url ?? ''), certificate: session.certificate };
    const served = await this.#parts.access.serve(rule, incoming, work);
    if (!served.ok) sendFault(response, served.fault);
    else if (isDownload(served.value)) sendDownload(response, served.value);
    else sendJson(response, served.value);
  }

  /** What happens, as server-sent events, until the page is closed or the session ends. */
  async #follow(request: IncomingMessage, response: ServerResponse, { certificate, ended }: Session): Promise<void> {
    const incoming = { ...incomingOf(request, response, 'live'), certificate };
    const served = await this.#parts.access.serve(dashboardCalls.live, incoming, async ({ signal }) => {
      const over = AbortSignal.any([signal, ended]);
      if (over.aborted) return refuse('SESSION_OVER', 'the session has ended');
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const leave = this.#live.join((event) => {
        if (response.writableLength > unreadBytesMax) response.destroy();
        else response.write(event);
      });
      if (!over.aborted) {
        await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }));
      }
      leave();
      return ok(undefined);
    });
    if (response.headersSent) response.end();
    else if (!served.ok) sendFault(response, served.fault);
  }
}

function isDownload(value: unknown): value is Download {
  return typeof value === 'object' && value !== null && 'fileName' in value;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word; // No name of ours has a percent sign.
  }
}

function incomingOf(request: IncomingMessage, response: ServerResponse, name: string): IncomingCall {
  return {
    name: `${request.method} ${name.slice(0, 200)}`,
    address: request.socket.remoteAddress ?? 'unknown',
    certificate: undefined,
    onHangUp: (listener) => void response.once('close', () => !response.writableFinished && listener()),
  };
}
