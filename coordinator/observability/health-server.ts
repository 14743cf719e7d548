import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** /healthz: the process answers. /readyz: it would take a call now. /metrics: Prometheus text. Plain HTTP. */
export class HealthServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `unready` says what is missing, or nothing. */
  static async start(
    address: string,
    parts: Readonly<{ registry: Registry; unready: () => string | undefined }>,
  ): Promise<HealthServer> {
    const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, async (request, response) => {
      const reply = (code: number, text: string, type = 'text/plain; charset=utf-8') => {
        response.writeHead(code, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(text);
      };
      if (request.method !== 'GET') return reply(405, 'only GET\n');
      switch (request.url?.split('?', 1)[0]) {
        case '/healthz':
          return reply(200, 'ok\n');
        case '/readyz': {
          const missing = parts.unready();
          return missing === undefined ? reply(200, 'ready\n') : reply(503, `${missing}\n`);
        }
        case '/metrics':
          return reply(200, await parts.registry.metrics(), parts.registry.contentType);
        default:
          return reply(404, 'only /healthz, /readyz and /metrics\n');
      }
    });
    const at = address.lastIndexOf(':');
    const host = address.slice(0, at).replace(/^\[|\]$/g, '');
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(Number(address.slice(at + 1)), host, resolve);
    });
    return new HealthServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
