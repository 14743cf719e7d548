import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkout } from '../../tools/setup/places.mjs';
import { imageNames, images, verbsInNoImage } from './images.ts';

it('have every verb of the command line between them, but for those that are named as left out', () => {
  const code = readFileSync(join(checkout, 'cli', 'testudo.ts'), 'utf8');
  const verbs = [...code.matchAll(/^ {2}'?([\w-]+)'?: \{\n {4}summary:/gm)].map(([, name]) => name);
  expect(verbs.length).toBeGreaterThan(25);
  const offered = new Set([...imageNames.flatMap((name) => images[name].verbs), ...verbsInNoImage]);
  expect([...offered].sort()).toEqual([...verbs].sort());
});
