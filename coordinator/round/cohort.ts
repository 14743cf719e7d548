import { hash } from 'node:crypto';
import type { ClusterId } from '../../proto/ids.ts';

/**
 * `size` clusters chosen by `seed`, sorted. Each cluster draws SHA-256(seed, name) and the lowest draws win: the order
 * in which clusters connected does not matter, and a cluster cannot move its draw without another name.
 */
export function chooseCohort(eligible: readonly ClusterId[], size: number, seed: number): readonly ClusterId[] {
  const distinct = [...new Set(eligible)];
  if (distinct.length <= size) return distinct.sort();
  return distinct
    .map((cluster) => ({ cluster, draw: hash('sha256', `cohort/${seed}/${cluster}`, 'hex') }))
    .sort((a, b) => (a.draw < b.draw ? -1 : 1))
    .slice(0, size)
    .map(({ cluster }) => cluster)
    .sort();
}

/** The seed of one cluster's local training, 0 to 2^48 - 1. */
export function trainingSeed(seed: number, cluster: ClusterId): number {
  return hash('sha256', `training/${seed}/${cluster}`, 'buffer').readUIntBE(0, 6);
}
