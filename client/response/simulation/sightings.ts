import type { Sighting } from '../ladder/sighting.ts';

/** An alert of pod web-1, with what a test says differently. */
export function sighting(change: Partial<Sighting> = {}): Sighting {
  const base = { track: 'syscall', modelVersion: 3, namespace: 'shop', workload: 'web', pod: 'web-1', score: 2 };
  const atMs = change.atMs ?? 0;
  const id = `a-${change.track ?? base.track}-${change.pod ?? base.pod}-${atMs}`;
  return { ...base, id, atMs, threshold: 1, text: 'web-1 did what it never did', ...change };
}
