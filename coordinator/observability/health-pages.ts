import type { Registry } from 'prom-client';
import { alivePage, metricsPage, type Pages } from '../../base/serving/http-server.ts';

/**
 * /healthz: the process answers. /readyz: it would take a call now; `unready` says what is missing, or nothing. /metrics:
 * Prometheus text.
 */
export function healthPages(registry: Registry, unready: () => Promise<string | undefined>): Pages {
  return {
    '/healthz': alivePage,
    '/readyz': async () => {
      const missing = await unready();
      return missing === undefined ? { body: 'ready\n' } : { status: 503, body: `${missing}\n` };
    },
    '/metrics': () => metricsPage(registry),
  };
}
