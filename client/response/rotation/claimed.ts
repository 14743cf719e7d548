import type { EpochMs } from '../../../base/time.ts';
import type { Facts, PodFact } from '../cluster/facts.ts';
import type { RotationConfig } from './rotation-config.ts';

/**
 * Whether a pod is left to quarantine: rotated, it would take what it is suspected of with it, and what nobody has looked at. What waits
 * for an operator waits no longer than the bound on lifetimes: alerts that go on, and nobody who answers, must spare no intruder.
 */
export function isClaimed(
  { uid, createdAtMs }: PodFact,
  { claimed }: Facts,
  { maxLifetimeMinutes }: RotationConfig,
  now: EpochMs,
): boolean {
  const claim = claimed.get(uid);
  return claim === 'begun' || (claim === 'waits' && now < createdAtMs + maxLifetimeMinutes * 60_000);
}
