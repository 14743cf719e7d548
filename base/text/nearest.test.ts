import fc from 'fast-check';
import { expect, it } from 'vitest';
import { didYouMean, nearest } from './nearest.ts';

it('the nearest word is the one that was meant, and none where nothing is near', () => {
  const known = ['syscall', 'flow', 'api'];
  expect(nearest('sycsall', known)).toBe('syscall');
  expect(nearest('Syscal', known)).toBe('syscall');
  expect(nearest('flwo', known)).toBe('flow');
  expect(nearest('network', known)).toBeUndefined();
  expect(didYouMean('ap', known)).toBe('; did you mean api?');
  expect(didYouMean('zzz', known)).toBe('');
});

it('a word with one mistake finds itself again among words that are unlike it', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-m]{3,12}$/), fc.nat(), (word, seed) => {
      const at = seed % word.length;
      const mistaken = `${word.slice(0, at)}z${word.slice(at + 1)}`;
      expect(nearest(mistaken, ['xxxxxxxxxxxxxxxxxxxx', word, ''])).toBe(word);
    }),
  );
});
