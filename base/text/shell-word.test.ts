import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from './shell-word.ts';

it.each(['/etc/testudo', "fed ünï one's", '$HOME `id` "x"', '', '~/a', 'a\nb\\', '*', '-x'])(
  'a shell reads %j as one word, as it is',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`])).toEqual(Buffer.from(text));
  },
);

it('leaves plain paths as people write them', () => {
  expect(shellWord('/etc/testudo-1/a_b.yaml')).toBe('/etc/testudo-1/a_b.yaml');
});
