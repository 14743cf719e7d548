import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

export type Readiness = Readonly<{ ready: boolean; checks: Readonly<Record<string, boolean | string | number>> }>;

export type HealthServer = Readonly<{ port: number; close(): Promise<void> }>;

/**
 * /healthz: the process turns its loop. /readyz: it does its work, as JSON with the single checks. /score: what scores and
 * why, as JSON. /metrics: Prometheus.
 */
export async function startHealthServer(
  listen: string,
  registry: Registry,
  readiness: () => Readiness,
  score: () => unknown = () => ({}),
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string) => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    if (request.method !== 'GET') {
      answer(405, 'text/plain', 'GET only\n');
      return;
    }
    switch (request.url) {
      case '/healthz':
        answer(200, 'text/plain', 'ok\n');
        return;
      case '/readyz': {
        const state = readiness();
        answer(state.ready ? 200 : 503, 'application/json', `${JSON.stringify(state)}\n`);
        return;
      }
      case '/score':
        answer(200, 'application/json', `${JSON.stringify(score())}\n`);
        return;
      case '/metrics':
        registry.metrics().then(
          (text) => answer(200, registry.contentType, text),
          () => answer(500, 'text/plain', 'metrics failed\n'),
        );
        return;
      default:
        answer(404, 'text/plain', 'try /healthz, /readyz, /score or /metrics\n');
    }
  });
  // A scraper that stalls must not hold a socket for ever.
  server.headersTimeout = 5_000;
  server.requestTimeout = 10_000;
  const at = listen.lastIndexOf(':');
  server.listen(Number(listen.slice(at + 1)), listen.slice(0, at).replace(/^\[|\]$/g, ''));
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
