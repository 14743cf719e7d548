import { expect, it } from 'vitest';
import { nextStepOf } from '../../coordinator/notifications/next-steps.ts';
import { attentionCodes } from '../../coordinator/views/attention.ts';
import { runTestudo } from '../testing/command-line.ts';

it('what notifications advise are verbs that there are', { timeout: 600_000 }, async () => {
  const { out } = await runTestudo('completion', 'bash');
  const verbs = new Set<string>();
  for (const [, path = '', words = ''] of out.matchAll(/'([a-z -]*)'\) words='([^']*)'/g)) {
    for (const word of words.split(' ')) verbs.add(`${path} ${word}`.trim());
  }
  const about = { track: 'syscall', cluster: 'eu-1', about: '7' };
  const advised = attentionCodes.flatMap((code) => [
    ...nextStepOf({ code, ...about }).matchAll(/`testudo ([a-z]+(?: [a-z]+)?)/g),
  ]);
  expect(advised.length).toBeGreaterThan(15);
  const unknown = advised.flatMap(([, verb = '']) => {
    const [first = ''] = verb.split(' ');
    const hasVerbs = [...verbs].some((one) => one.startsWith(`${first} `) && !one.startsWith(`${first} -`));
    return verbs.has(hasVerbs ? verb : first) ? [] : [verb];
  });
  expect(unknown).toEqual([]);
});
