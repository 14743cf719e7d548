import type { EpochMs } from '../../../base/time.ts';
import { exposureOf, type LastingCode } from '../../posture/exposure.ts';
import type { RiskStep } from '../cluster/facts.ts';

/** What makes a lifetime end sooner. */
export type Weights = Readonly<{
  /** What a risk of 1, an alert's threshold, adds to the rate at which a lifetime is used up. */
  riskWeight: number;
  /** What an exposure of 1 adds to it, from the first moment on. */
  postureWeight: number;
}>;

/**
 * When a pod is due. Its lifetime is used up at the rate 1 + `postureWeight` · exposure + `riskWeight` · risk: a risk that rises
 * divides what is left of it, and one that falls gives nothing back; what a pod is exposed by never changes. So of a pod
 * without alerts the whole lifetime is divided by the same number, and nobody can foretell it better than another pod's.
 * `steps`: oldest first; before the first of them the risk is 0.
 */
export function dueAtMs(
  createdAtMs: EpochMs,
  lifetimeMs: number,
  { steps, exposedBy }: Readonly<{ steps: readonly RiskStep[]; exposedBy: readonly LastingCode[] }>,
  { riskWeight, postureWeight }: Weights,
): EpochMs {
  const always = 1 + postureWeight * exposureOf(exposedBy);
  let leftMs = lifetimeMs;
  let fromMs = createdAtMs;
  let rate = always;
  for (const { atMs, risk } of steps) {
    if (atMs > fromMs) {
      const usedMs = (atMs - fromMs) * rate;
      if (usedMs >= leftMs) break;
      leftMs -= usedMs;
      fromMs = atMs;
    }
    rate = always + riskWeight * Math.max(0, risk);
  }
  return fromMs + leftMs / rate;
}
