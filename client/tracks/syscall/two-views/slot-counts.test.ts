import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SlotCounts } from './slot-counts.ts';

/** What a map would hold. */
function counted(counts: SlotCounts): Map<number, number> {
  const found = new Map<number, number>();
  counts.forEach((slot, count) => {
    expect(found.has(slot)).toBe(false);
    found.set(slot, count);
  });
  expect(found.size).toBe(counts.size);
  return found;
}

describe('SlotCounts', () => {
  it('counts as a map does, trace after trace, also slots that want the same place and more than fit at first', () => {
    // Every 2^14th slot wants the same place; nine thousand are more than there is room for at first.
    const one = fc.oneof(
      fc.nat({ max: 40 }),
      fc.nat({ max: 40 }).map((at) => at * 2 ** 14),
      fc.nat({ max: 2 ** 24 - 1 }),
    );
    const many = fc.nat({ max: 2 ** 20 }).map((from) => Array.from({ length: 9_000 }, (_, at) => from + 3 * at));
    const traces = fc.array(
      fc.oneof({ weight: 5, arbitrary: fc.array(one, { maxLength: 200 }) }, { weight: 1, arbitrary: many }),
      {
        maxLength: 6,
      },
    );
    fc.assert(
      fc.property(traces, (all) => {
        const counts = new SlotCounts();
        for (const slots of all) {
          counts.clear();
          const expected = new Map<number, number>();
          for (const slot of [...slots, ...slots.slice(3)]) {
            counts.add(slot);
            expected.set(slot, (expected.get(slot) ?? 0) + 1);
          }
          expect(counted(counts)).toEqual(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});
