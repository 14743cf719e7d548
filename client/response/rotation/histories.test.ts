import { describe, expect, it } from 'vitest';
import { runHistory } from '../simulation/rotation-history.ts';

/** The long form runs ten thousand: `npm run campaign:response`. */
const seeds = 100;
/** The one of ten thousand in which a pod was put back, and the next one went before its ReplicaSet had adopted it. */
const putBackSeed = 105_512;

describe('rotation in simulated histories', () => {
  it('keeps every promise under faults of the agent, its watches, the API server and the cluster', async () => {
    const total = { surge: 0, evict: 0, putBack: 0 };
    for (const seed of [...Array.from({ length: seeds }, (_, at) => at + 1), putBackSeed]) {
      const { violations, rotations, putBack } = await runHistory({ seed });
      expect(violations, `seed ${seed}`).toEqual([]);
      total.surge += rotations.surge;
      total.evict += rotations.evict;
      total.putBack += putBack;
    }
    // What nobody did shows nothing.
    expect(total.surge).toBeGreaterThan(400);
    expect(total.evict).toBeGreaterThan(100);
    expect(total.putBack).toBeGreaterThan(10);
  });

  it('keeps them where posture weighs too, and rotates the exposed more often', async () => {
    const [alike, exposed] = [
      { surge: 0, evict: 0 },
      { surge: 0, evict: 0 },
    ];
    for (const seed of Array.from({ length: 10 }, (_, at) => 500 + at)) {
      for (const [total, withExposures] of [
        [alike, false],
        [exposed, true],
      ] as const) {
        const { violations, rotations } = await runHistory({ seed, withExposures });
        expect(violations, `seed ${seed}`).toEqual([]);
        total.surge += rotations.surge;
        total.evict += rotations.evict;
      }
    }
    expect(exposed.surge + exposed.evict).toBeGreaterThan(1.1 * (alike.surge + alike.evict));
  });
});
