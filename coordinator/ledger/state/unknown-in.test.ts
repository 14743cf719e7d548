import { expect, it } from 'vitest';
import { defaultPolicy } from '../../../aggregation/policy.ts';
import { track } from '../../testing/released-state.ts';
import { policy } from '../../testing/small-federation.ts';
import type { JournalEvent } from '../journal/events.ts';
import { unknownIn } from './unknown-in.ts';

const set = (more: object) =>
  unknownIn({ kind: 'policySet', track, policy: { ...policy, ...more }, reason: 'test' } as JournalEvent);

it('a policy that is set has nothing that is unknown, whatever its limits are, or it is named', () => {
  expect(set({})).toBeUndefined();
  expect(set({ training: { ...policy.training, epochs: -1 } })).toBeUndefined();
  expect(set({ insurance: {} })).toBe('policy.insurance');
});

it('a setting of a rule that a newer build added is named, and one that this build has is not', () => {
  const { rule } = defaultPolicy(1, { sample: true });
  const ruled = (more: object) => set({ aggregation: { ...policy.aggregation, rule: { ...rule, ...more } } });
  expect(ruled({})).toBeUndefined();
  expect(ruled({ tellApart: false })).toBeUndefined();
  expect(ruled({ tellFortunes: true })).toBe('policy.aggregation.rule.tellFortunes');
});

it('what has no settings of a policy has nothing unknown', () => {
  expect(unknownIn({ kind: 'freezeLifted', freezeId: 'f-1', reason: 'test' })).toBeUndefined();
});
