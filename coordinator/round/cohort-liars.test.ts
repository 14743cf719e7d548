import fc from 'fast-check';
import { expect, it } from 'vitest';
import { liarsInCohort } from './cohort-liars.ts';

it.each([
  [0.01, [9, 11, 15, 22, 32]],
  [0.05, [16, 22, 33, 58, 93]],
  [0.1, [21, 32, 49, 93, 157]],
  [0.2, [29, 46, 76, 155, 275]],
] as const)('liarsInCohort › of 10,000 members of whom %d lie, drawn 50, 100, 200, 500, 1,000', (share, expected) => {
  const drawn = [50, 100, 200, 500, 1_000];
  const found = drawn.map((invited) => liarsInCohort({ members: 10_000, liars: share * 10_000, invited }));
  expect(found).toEqual(expected);
});

/** Exact, in whole numbers. */
function choose(n: number, k: number): bigint {
  let [above, below] = [1n, 1n];
  for (let at = 1; at <= k; at++) {
    above *= BigInt(n - k + at);
    below *= BigInt(at);
  }
  return k < 0 || k > n ? 0n : above / below;
}

it('liarsInCohort › agrees with exact counting in small federations', () => {
  const draw = fc
    .integer({ min: 1, max: 40 })
    .chain((members) =>
      fc.record({ members: fc.constant(members), liars: fc.nat(members), invited: fc.integer({ min: 1, max: 45 }) }),
    );
  fc.assert(
    fc.property(draw, ({ members, liars, invited }) => {
      const drawn = Math.min(invited, members);
      const moreThan = (f: number) => {
        let ways = 0n;
        for (let count = f + 1; count <= drawn; count++)
          ways += choose(liars, count) * choose(members - liars, drawn - count);
        return ways;
      };
      const all = choose(members, drawn);
      let f = 0;
      while (moreThan(f) * 1_000n > all) f++;
      expect(liarsInCohort({ members, liars, invited }, 1e-3)).toBe(f);
    }),
  );
});

it('liarsInCohort › is never fewer than must be among those drawn, at any chance', () => {
  expect(liarsInCohort({ members: 10, liars: 8, invited: 6 }, 1)).toBe(4);
  expect(liarsInCohort({ members: 10, liars: 2, invited: 6 }, 1)).toBe(0);
  // Of two, one lies, one is drawn: it lies with a chance of exactly a half, which is not more than a half.
  expect(liarsInCohort({ members: 2, liars: 1, invited: 1 }, 0.5)).toBe(0);
  expect(liarsInCohort({ members: 2, liars: 1, invited: 1 }, 0.49)).toBe(1);
});

it('liarsInCohort › is the number of liars where everybody is invited', () => {
  expect(liarsInCohort({ members: 40, liars: 8, invited: 52 })).toBe(8);
  expect(liarsInCohort({ members: 40, liars: 0, invited: 10 })).toBe(0);
});
