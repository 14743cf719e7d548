import type { Changed } from '../registry/decide/change.ts';
import type { Effect } from '../registry/decide/effects.ts';

/** What a change moves, by cluster: those for which it makes no difference are left out. */
export function movesOf({ effects }: Pick<Changed, 'effects'>): readonly Effect[] {
  const moved = effects.filter(
    ({ before, after, shadowBefore, shadowAfter }) => before !== after || shadowBefore !== shadowAfter,
  );
  return moved.sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}
