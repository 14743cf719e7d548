import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { type PlantedFault, plantedFaults, roundModel } from './round-model.ts';

describe('check', () => {
  const counting = (limit: number) => ({
    initial: { at: 0 },
    *steps({ at }: { at: number }) {
      if (at < limit) yield ['one more', { at: at + 1 }] as const;
      if (at > 0) yield ['back to the start', { at: 0 }] as const;
    },
    invariants: { 'never seven': ({ at }: { at: number }) => at !== 7 },
  });

  it('looks at every state once, and says that there are no more', () => {
    expect(check(counting(6), 100)).toEqual({ states: 7, depth: 6, isWhole: true, broken: undefined });
  });

  it('says that it left states out where they lie deeper', () => {
    expect(check(counting(6), 3)).toEqual({ states: 4, depth: 3, isWhole: false, broken: undefined });
  });

  it('shows a shortest way to what does not hold', () => {
    const { broken } = check(counting(9), 100);
    expect(broken).toEqual({ invariant: 'never seven', actions: Array(7).fill('one more') });
  });
});

describe('the model of a round, its takeover and its receipts', () => {
  it('keeps all invariants in every state that a takeover can lead to', () => {
    const { isWhole, broken, states } = check(roundModel({ epochsMax: 2 }), 1_000);
    expect(broken).toBeUndefined();
    expect(isWhole).toBe(true);
    expect(states).toBeGreaterThan(1_000);
  });

  const breaks: Readonly<Record<PlantedFault, string>> = {
    'answer-before-the-commit': 'I1: a receipt names',
    'stale-epoch-may-write': 'I5',
    'accept-before-the-payload-is-synced': 'I1: a receipt names',
    'second-update-replaces-the-first': 'I2',
    'undo-on-an-unknown-outcome': 'I4',
    'accept-after-the-deadline': 'I4',
    'aggregate-what-was-accepted-when-it-began': 'I1: what was accepted',
  };
  it.each(plantedFaults)('shows what %s breaks', (fault) => {
    const { broken } = check(roundModel({ epochsMax: 2, fault }), 1_000);
    expect(broken?.invariant).toContain(breaks[fault]);
  });
});
