import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../setup/places.mjs';
import { costsOf, keptCosts } from './kept-costs.mjs';

it('costsOf › reads rows of seconds of the processor, seconds on the clock, and file', () => {
  const read = costsOf('  40.2  90.0 deep/dear.test.ts\n   0.4   2.1 cheap.test.ts\n');
  expect(Object.fromEntries(read)).toEqual({
    'deep/dear.test.ts': { processorSeconds: 40.2, wallSeconds: 90 },
    'cheap.test.ts': { processorSeconds: 0.4, wallSeconds: 2.1 },
  });
});

it('the costs that are kept are those of files that are there, but for what has moved since', () => {
  const kept = [...keptCosts().keys()];
  expect(kept.length).toBeGreaterThan(50);
  expect(kept.filter((file) => existsSync(join(checkout, file))).length).toBeGreaterThan(kept.length / 2);
});
