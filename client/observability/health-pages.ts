import type { Registry } from 'prom-client';
import { alivePage, jsonPage, metricsPage, type Pages } from '../../base/serving/http-server.ts';

export type Readiness = Readonly<{
  ready: boolean;
  checks: Readonly<Record<string, boolean | string | number>>;
  /** What is wrong and what helps, one sentence each: of what keeps it from being ready, and of what is degraded. */
  why: readonly string[];
  /** Sources that are blind. */
  degraded: readonly Readonly<Record<string, unknown>>[];
}>;

/**
 * /healthz: the process turns its loop. /readyz: it does its work, as JSON with the single checks. /score: what scores and
 * why, as JSON. /metrics: Prometheus.
 */
export function healthPages(registry: Registry, readiness: () => Readiness, score: () => unknown): Pages {
  return {
    '/healthz': alivePage,
    '/readyz': () => {
      const state = readiness();
      return jsonPage(state, state.ready ? 200 : 503);
    },
    '/score': () => jsonPage(score()),
    '/metrics': () => metricsPage(registry),
  };
}
