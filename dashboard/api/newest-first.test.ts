import { expect, it } from 'vitest';
import { type Shown, withEarlier, withNewest } from './newest-first.ts';

/** Entries from one number down to another, and where to ask on. */
function page(from: number, to: number, before = to): Shown<Readonly<{ sequence: number }>> {
  const entries = Array.from({ length: from - to + 1 }, (_, at) => ({ sequence: from - at }));
  return { entries, before, to: from };
}

it('what was asked for of earlier entries stays when newer ones come', () => {
  const two = withEarlier(page(200, 101), 101, page(100, 1, 0));
  expect(two).toEqual(page(200, 1, 0));
  expect(withNewest(two, page(203, 104))).toEqual(page(203, 1, 0));
  expect(withNewest(page(200, 101), page(203, 104))).toEqual(page(203, 101, 101));
});

it('leaves no hole where more has come than a page holds, and lets no answer that was overtaken back', () => {
  expect(withNewest(page(200, 1, 0), page(500, 401))).toEqual(page(500, 401));
  expect(withNewest(page(203, 104), page(200, 101))).toEqual(page(203, 104));
  expect(withEarlier(page(203, 1, 0), 101, page(100, 1, 0))).toEqual(page(203, 1, 0));
  expect(withNewest(undefined, page(3, 1, 0))).toEqual(page(3, 1, 0));
});

it('how far a search has come that finds little stays as well, with what it found', () => {
  const newest = { entries: [{ sequence: 45_002 }], before: 25_004, to: 45_003 };
  const nothing = { entries: [], before: 5_001, to: 45_000 };
  expect(withNewest(nothing, { ...newest, entries: [] })).toEqual({ entries: [], before: 5_001, to: 45_003 });
  const found = { entries: [{ sequence: 300 }], before: 0, to: 45_000 };
  const both = { entries: [{ sequence: 45_002 }, { sequence: 300 }], before: 0, to: 45_003 };
  expect(withNewest(found, newest)).toEqual(both);
  expect(withNewest(found, { ...newest, before: 45_002, to: 65_001 })).toEqual({
    ...newest,
    before: 45_002,
    to: 65_001,
  });
});
