/** How pauses between attempts grow. */
export type Backoff = Readonly<{ firstMs: number; maxMs: number }>;

export const defaultBackoff: Backoff = { firstMs: 500, maxMs: 60_000 };

/**
 * Full jitter: uniform in [0, min(max, first * 2^attempt)]. After a coordinator's restart a thousand clients spread over
 * the whole interval instead of returning in step. attempt counts from 0; unit is random in [0, 1).
 * Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitterMs(backoff: Backoff, attempt: number, unit: number): number {
  const ceilingMs = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt, 30));
  return Math.floor(unit * ceilingMs);
}
