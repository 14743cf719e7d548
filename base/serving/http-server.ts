import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { Registry } from 'prom-client';
import { capConnections } from './http-crowd.ts';
import { listenOn } from './listen.ts';
import { createServer } from './node-http.ts';
import type { TlsFiles } from './tls-files.ts';

export type HttpAnswer = Readonly<{
  /** 200 unless given. */
  status?: number;
  /** The content type; plain text unless given. */
  type?: string;
  body: string | Uint8Array;
}>;

/** What a GET of each path answers. Queries are left out of the path. */
export type Pages = Readonly<Record<`/${string}`, () => HttpAnswer | Promise<HttpAnswer>>>;

export type HttpServer = Readonly<{
  port: number;
  /** Cuts what is open. May be called twice. */
  close(): Promise<void>;
}>;

/** Answers one request; what it throws is its own affair. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

export type HttpOptions = Readonly<{
  /** Beyond it whoever has waited longest gives way (http-crowd.ts). */
  connectionsMax: number;
  /** Plain HTTP without. */
  tls?: TlsFiles | undefined;
}>;

/** How long a request may take to arrive: a scraper that stalls must not hold a socket for ever. */
const headersMsMax = 5_000;
const requestMsMax = 10_000;
/** Pages are for probes, a scraper and a few people. */
const connectionsMax = 128;

/** Serves HTTP/1.1 on `listen` (host:port). Rejects with the system's error when the port cannot be had. */
export async function serveHttp(listen: string, answer: HttpListener, options: HttpOptions): Promise<HttpServer> {
  const { tls, connectionsMax: atOnceMax } = options;
  const times = { requestTimeout: requestMsMax, headersTimeout: headersMsMax };
  const server =
    tls === undefined ? createServer(times, answer) : createSecureServer({ ...times, ...tls.options }, answer);
  capConnections(server, atOnceMax);
  const port = await listenOn(server, listen);
  if (server instanceof SecureServer) tls?.keep(server);
  return {
    port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Health, metrics and pages over plain HTTP on `listen` (host:port). Rejects with the system's error when the port cannot
 * be had. A page that throws answers 500, and its error goes no further: what it says may be a secret.
 */
export async function servePages(listen: string, pages: Pages): Promise<HttpServer> {
  const answers = new Map(Object.entries(pages)); // No path finds a property that every object has.
  const answerTo = async (method: string | undefined, path: string): Promise<HttpAnswer> => {
    if (method !== 'GET') return { status: 405, body: 'only GET\n' };
    const page = answers.get(path);
    if (page === undefined) return { status: 404, body: `only ${[...answers.keys()].join(', ')}\n` };
    try {
      return await page();
    } catch {
      return { status: 500, body: `${path} failed\n` };
    }
  };
  const answer: HttpListener = async ({ method, url = '' }, response) => {
    const {
      status = 200,
      type = 'text/plain; charset=utf-8',
      body,
    } = await answerTo(method, url.replace(/\?.*$/s, ''));
    const headers = { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
    response.writeHead(status, status === 405 ? { ...headers, allow: 'GET' } : headers).end(body);
  };
  return await serveHttp(listen, answer, { connectionsMax });
}

/** /healthz: the process turns its loop. */
export function alivePage(): HttpAnswer {
  return { body: 'ok\n' };
}

/** /metrics: Prometheus text. */
export async function metricsPage(registry: Registry): Promise<HttpAnswer> {
  return { type: registry.contentType, body: await registry.metrics() };
}

export function jsonPage(value: unknown, status = 200): HttpAnswer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}
