/** The syscall track with a scorer whose thread ends under it, as it scores or is opened: what a fault in native code does. */
import { existsSync, writeFileSync } from 'node:fs';
import { trackKind as syscall } from '../../../tracks/syscall/track.ts';
import type { TrackKind } from '../../../tracks/track-kind.ts';

/** The file named here does not exist yet when the thread shall end: it is made on the way out. */
const markName = 'TESTUDO_TEST_FRAGILE_MARK';

export const trackKind: TrackKind = {
  ...(syscall as unknown as TrackKind),
  async openScorer(spec, weights, normal) {
    const [, sort] = weights;
    if (sort === 77) endOnce();
    if (sort === 88 && hasEnded()) process.exit(1);
    const scorer = await syscall.openScorer(spec, weights, normal as never);
    return {
      score(examples) {
        if (sort === 99 && examples.length > 0) process.exit(1);
        if (examples.some((one) => isLast(one))) endOnce();
        return scorer.score(examples as never);
      },
      explain: (example, place) => scorer.explain(example as never, place),
      close: () => scorer.close(),
    };
  },
};

function endOnce(): void {
  const mark = process.env[markName];
  if (mark === undefined || hasEnded()) return;
  writeFileSync(mark, '');
  process.exit(1);
}

function hasEnded(): boolean {
  return existsSync(process.env[markName] ?? '');
}

function isLast(example: unknown): boolean {
  return (example as { calls: Uint16Array }).calls[0] === 77;
}
