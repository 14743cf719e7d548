import { expect, it } from 'vitest';
import { verbs } from '../../cli/verbs.ts';
import { imageNames, images, verbsInNoImage } from './images.ts';

it('have every verb of the command line between them, but for those that are named as left out', () => {
  const names = Object.keys(verbs);
  expect(names.length).toBeGreaterThan(25);
  const offered = new Set([...imageNames.flatMap((name) => images[name].verbs), ...verbsInNoImage]);
  expect([...offered].sort()).toEqual(names.sort());
});
