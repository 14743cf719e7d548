import { expect, it } from 'vitest';
import { defaultPolicy } from '../../aggregation/policy.ts';
import { hasRelays, isRelay, relayRule } from './relay-rule.ts';

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

it('finds a federation to have regions by any member that is enrolled', () => {
  const member = (status: string, labels: Record<string, string>) => ({ status, labels });
  const region = { relay: 'yes' };
  expect(hasRelays([])).toBe(false);
  expect(hasRelays([member('enrolled', {}), member('revoked', region), member('enrolled', { relay: 'no' })])).toBe(
    false,
  );
  expect(hasRelays([member('revoked', region), member('enrolled', region)])).toBe(true);
});

it('warns in whole sentences, of rules that were not tried over regions too', () => {
  const remedy =
    'take nearestNeighbourMixing before trimmedMean or geometricMedian (docs/relays.md, "The rule over regions")';
  const warned = (text: string) => ({ kind: 'warn', text: `members are regions: ${text}; ${remedy}` });
  expect(relayRule(policy(1, { kind: 'bulyan' }))).toEqual(
    warned('bulyan is not the rule that was tried over regions'),
  );
  expect(relayRule(policy(1, { kind: 'trimmedMean' }, [{ kind: 'clipping' }]))).toEqual(
    warned('trimmedMean without mixing is pulled by regions that differ'),
  );
});
