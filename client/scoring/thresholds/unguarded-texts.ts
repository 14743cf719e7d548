import type { Threshold } from './threshold.ts';

/** Workloads that are named one by one. */
const namedMax = 4;

/** A sentence where workloads are in warm-up: whoever looks for alarms must know whose work cannot raise one yet. Nearest to it first. */
export function unguardedTexts(thresholds: Readonly<{ entries(): Iterable<[string, Threshold]> }>): readonly string[] {
  const waiting = [...thresholds.entries()].filter(([, { wanted }]) => wanted > 0);
  if (waiting.length === 0) return [];
  const named = waiting
    .sort(([one, a], [other, b]) => a.wanted - b.wanted || (one < other ? -1 : 1))
    .slice(0, namedMax)
    .map(([group, { wanted }]) => `${group} (${wanted} more)`);
  const others = waiting.length - named.length;
  const more = others > 0 ? ` and ${others} others` : '';
  return [`no alarms yet for want of scores that say what is usual: ${named.join(', ')}${more}`];
}
