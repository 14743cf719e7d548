import type { EpochMs } from '../../../base/time.ts';
import type { RiskStep } from '../cluster/facts.ts';

/**
 * When a pod is due. Its lifetime is used up at the rate 1 + `riskWeight` · risk: a risk that rises divides what is left of
 * it, and one that falls gives nothing back. `steps`: oldest first; before the first of them the risk is 0.
 */
export function dueAtMs(
  createdAtMs: EpochMs,
  lifetimeMs: number,
  steps: readonly RiskStep[],
  riskWeight: number,
): EpochMs {
  let leftMs = lifetimeMs;
  let fromMs = createdAtMs;
  let rate = 1;
  for (const { atMs, risk } of steps) {
    if (atMs > fromMs) {
      const usedMs = (atMs - fromMs) * rate;
      if (usedMs >= leftMs) break;
      leftMs -= usedMs;
      fromMs = atMs;
    }
    rate = 1 + riskWeight * Math.max(0, risk);
  }
  return fromMs + leftMs / rate;
}
