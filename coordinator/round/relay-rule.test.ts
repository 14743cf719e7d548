import { expect, it } from 'vitest';
import { defaultPolicy } from '../../aggregation/policy.ts';
import { isRelay, relayRule } from './relay-rule.ts';

const mixing = [{ kind: 'nearestNeighbourMixing' }] as const;
const policy = (f: number, rule: object, before: readonly object[] = mixing) =>
  ({ ...defaultPolicy(f), rule, before }) as Parameters<typeof relayRule>[0];

it('refuses an average over regions, and has nothing against mixing before a trimmed mean or a geometric median', () => {
  expect(relayRule(policy(1, { kind: 'mean' }))).toMatchObject({
    kind: 'refuse',
    text: expect.stringContaining('never average over regions'),
  });
  expect(relayRule(policy(1, { kind: 'trimmedMean' }))).toBeUndefined();
  expect(relayRule(policy(2, { kind: 'geometricMedian' }))).toBeUndefined();
});

it('warns of plain Krum, which throws all regions but one away, of a rule without mixing, and of f = 0', () => {
  const textOf = (...of: Parameters<typeof policy>) => relayRule(policy(...of));
  expect(textOf(1, { kind: 'krum' })).toMatchObject({ kind: 'warn', text: expect.stringContaining('one region') });
  expect(textOf(1, { kind: 'trimmedMean' }, [])).toMatchObject({
    kind: 'warn',
    text: expect.stringContaining('mixing'),
  });
  expect(textOf(0, { kind: 'trimmedMean' })).toMatchObject({ kind: 'warn', text: expect.stringContaining('f = 0') });
});

it('takes a member for a region by its label', () => {
  expect([{}, { relay: 'yes' }, { relay: 'no' }, { tier: 'relay' }].map(isRelay)).toEqual([false, true, false, false]);
});
