import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Line } from './line.ts';

it('is a set that knows both of its ends', () => {
  const steps = fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 5 })), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (taken) => {
      const line = new Line<number>();
      const plain = new Set<number>();
      for (const [isAdded, value] of taken) {
        if (isAdded) {
          line.add(value);
          plain.add(value);
        } else {
          expect(line.delete(value)).toBe(plain.delete(value));
        }
        const all = [...plain];
        expect([line.size, line.oldest, line.newest]).toEqual([all.length, all[0], all.at(-1)]);
        expect([...line]).toEqual(all);
      }
    }),
  );
});
