import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { longestFirst, secondsFile, secondsOf } from './longest-first.mjs';

it('longestFirst › puts processes of their own before shared ones, the longest first in each, and unknown ones last', () => {
  const file = (name: string, own = false) => ({ file: name, own });
  const files = [file('b'), file('long'), file('a'), file('longer', true), file('c', true), file('longest')];
  const seconds = new Map(Object.entries({ long: 5, longer: 9, longest: 20 }));
  expect(longestFirst(files, seconds).map((each) => each.file)).toEqual(['longer', 'c', 'longest', 'long', 'a', 'b']);
});

it('secondsOf › reads rows of seconds and file', () => {
  const read = secondsOf('  40 deep/dear.test.ts\n   2 cheap.test.ts\n');
  expect(Object.fromEntries(read)).toEqual({ 'deep/dear.test.ts': 40, 'cheap.test.ts': 2 });
});

it('the seconds that are kept are those of files that are there, but for what has moved since', () => {
  const kept = [...secondsOf(readFileSync(secondsFile, 'utf8')).keys()];
  expect(kept.length).toBeGreaterThan(50);
  expect(kept.filter((file) => existsSync(join(checkout, file))).length).toBeGreaterThan(kept.length / 2);
});
