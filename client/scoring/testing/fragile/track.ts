/** The syscall track with a scorer whose thread ends under it, once, as it scores or is opened: what a fault in native code does. */
import { existsSync, writeFileSync } from 'node:fs';
import { trackKind as syscall } from '../../../tracks/syscall/track.ts';
import type { TrackKind } from '../../../tracks/track-kind.ts';

/** The file named here does not exist yet when the thread shall end: it is made on the way out. */
const markName = 'TESTUDO_TEST_FRAGILE_MARK';

export const trackKind: TrackKind = {
  ...(syscall as unknown as TrackKind),
  async openScorer(spec, weights, normal) {
    if (weights[1] === 77) endOnce();
    const scorer = await syscall.openScorer(spec, weights, normal as never);
    return {
      score(examples) {
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
  if (mark === undefined || existsSync(mark)) return;
  writeFileSync(mark, '');
  process.exit(1);
}

function isLast(example: unknown): boolean {
  return (example as { calls: Uint16Array }).calls[0] === 77;
}
