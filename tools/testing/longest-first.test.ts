import { expect, it } from 'vitest';
import { longestFirst } from './longest-first.mjs';

it('longestFirst › puts processes of their own before shared ones, the longest on the clock first in each, and unknown ones last', () => {
  const file = (name: string, own = false) => ({ file: name, own });
  const files = [file('b'), file('long'), file('a'), file('longer', true), file('c', true), file('longest')];
  const took = (wallSeconds: number) => ({ processorSeconds: 30 - wallSeconds, wallSeconds });
  const costs = new Map(Object.entries({ long: took(5), longer: took(9), longest: took(20) }));
  expect(longestFirst(files, costs).map((each) => each.file)).toEqual(['longer', 'c', 'longest', 'long', 'a', 'b']);
});
