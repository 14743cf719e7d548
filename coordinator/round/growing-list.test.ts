import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GrowingList } from './growing-list.ts';

it('is what an array would be, whatever other lists have gone on from the same one', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ from: fc.nat(40), value: fc.nat(3) }), { maxLength: 40 }), (steps) => {
      const pairs: [GrowingList<number>, number[]][] = [[GrowingList.of([]), []]];
      for (const { from, value } of steps) {
        const [list, model] = pairs[from % pairs.length] as [GrowingList<number>, number[]];
        pairs.push([list.with(value), [...model, value]]);
      }
      for (const [list, model] of pairs) {
        expect([...list]).toEqual(model);
        expect(list).toHaveLength(model.length);
        expect(JSON.stringify(list)).toBe(JSON.stringify(model));
        expect([list.at(-1), list.at(0), list.at(40)]).toEqual([model.at(-1), model.at(0), undefined]);
        expect(list.map((value, at) => value * at)).toEqual(model.map((value, at) => value * at));
        expect(list.filter((value) => value > 1)).toEqual(model.filter((value) => value > 1));
      }
    }),
  );
});

it('grows without a copy, and takes one where another list went on otherwise', () => {
  const start = GrowingList.of([1]);
  const longer = start.with(2);
  expect(longer.with(3).shared).toBe(start.shared);
  expect(start.with(2).shared).toBe(start.shared);
  const other = start.with(4);
  expect(other.shared).not.toBe(start.shared);
  expect([[...longer], [...other], [...start]]).toEqual([[1, 2], [1, 4], [1]]);
});
