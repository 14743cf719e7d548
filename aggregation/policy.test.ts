import { describe, expect, test } from 'vitest';
import { type AggregationPolicy, checkPolicy, defaultPolicy, parsePolicy, type Rule, updatesMin } from './policy.ts';

const admission = { normMax: 100, zeroUpdate: 'refuse' } as const;
const policy = (rule: Rule, f: number, before: AggregationPolicy['before'] = []): AggregationPolicy => ({
  f,
  admission,
  before,
  rule,
});
const codesOf = (checked: AggregationPolicy, n: number) => checkPolicy(checked, n).map(({ code }) => code);

describe('parsePolicy', () => {
  test('reads back what it is given', () => {
    const written = policy({ kind: 'multiKrum', keep: { kind: 'count', updates: 4 } }, 2, [
      { kind: 'clip', norm: 3 },
      { kind: 'nearestNeighbourMixing' },
      { kind: 'bucketing', size: 2 },
    ]);
    expect(parsePolicy(JSON.parse(JSON.stringify(written)))).toEqual({ ok: true, value: written });
    expect(parsePolicy(defaultPolicy(3))).toEqual({ ok: true, value: defaultPolicy(3) });
    const sampled = defaultPolicy(3, { sample: true });
    expect(parsePolicy(sampled)).toEqual({ ok: true, value: sampled });
    expect(sampled.rule).toMatchObject({ tellApart: true, search: 'patient', doubtSample: 'mostClusters' });
    // A policy that was stored before the settings were there goes on without them.
    const {
      tellApart: _,
      search: _too,
      doubtSample: _either,
      ...earlier
    } = sampled.rule as Extract<Rule, { kind: 'trustedWeights' }>;
    expect(parsePolicy({ ...sampled, rule: earlier })).toEqual({ ok: true, value: { ...sampled, rule: earlier } });
  });

  test('lists every problem at once, each with its path and legal range', () => {
    const parsed = parsePolicy({
      f: -1,
      admission: { normMax: 0, zeroUpdate: 'refuse' },
      before: [{ kind: 'bucketing', size: 0 }],
      rule: { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 2.5 },
    });
    expect(parsed.ok).toBe(false);
    const message = parsed.ok ? '' : parsed.fault.message;
    expect(message).toContain('f: expected an integer in 0..100000, got -1');
    expect(message).toContain('admission.normMax: expected a number above 0 and at most 1000000000000000, got 0');
    expect(message).toContain('before.0.size: expected an integer in 1..100000, got 0');
    expect(message).toContain('rule.stepsMax: expected an integer in 1..10000, got 2.5');
  });

  test.each([
    ['an unknown rule', { ...policy({ kind: 'krum' }, 1), rule: { kind: 'crumb' } }],
    ['an unknown field', { ...policy({ kind: 'krum' }, 1), quorum: 3 }],
    ['a field of another rule', { ...policy({ kind: 'krum' }, 1), rule: { kind: 'krum', trim: 1 } }],
    ['a setting of a rule that is no answer', { ...policy({ kind: 'krum' }, 1), rule: { ...defaultPolicy(1, { sample: true }).rule, tellApart: 'yes' } }], // biome-ignore format: one line
    ['a search that no build has', { ...policy({ kind: 'krum' }, 1), rule: { ...defaultPolicy(1, { sample: true }).rule, search: 'long' } }], // biome-ignore format: one line
    ['a doubt that no build has', { ...policy({ kind: 'krum' }, 1), rule: { ...defaultPolicy(1, { sample: true }).rule, doubtSample: 'allClusters' } }], // biome-ignore format: one line
    ['nothing', null],
    ['a mean that should withstand somebody', policy({ kind: 'mean' }, 1)],
    ['more subsets than can be looked through, however few updates', policy({ kind: 'minimumDiameterAveraging' }, 30)],
  ])('refuses %s', (_, json) => {
    expect(parsePolicy(json)).toMatchObject({ ok: false, fault: { code: 'POLICY_INVALID' } });
  });
});

describe('checkPolicy', () => {
  test.each<[string, AggregationPolicy, number]>([
    ['krum', policy({ kind: 'krum' }, 2), 7],
    ['multi-krum', policy({ kind: 'multiKrum', keep: { kind: 'allButF' } }, 2), 7],
    ['bulyan', policy({ kind: 'bulyan' }, 2), 11],
    ['median', policy({ kind: 'coordinateMedian' }, 2), 5],
    ['trimmed mean', policy({ kind: 'trimmedMean' }, 2), 5],
    ['mean', policy({ kind: 'mean' }, 0), 1],
    ['krum on buckets of 2', policy({ kind: 'krum' }, 2, [{ kind: 'bucketing', size: 2 }]), 13],
    ['krum on buckets of 10', policy({ kind: 'krum' }, 0, [{ kind: 'bucketing', size: 10 }]), 21],
    ['six of multi-krum', policy({ kind: 'multiKrum', keep: { kind: 'count', updates: 9 } }, 2), 11],
  ])('%s runs from its minimum on and not below', (_, checked, least) => {
    expect(updatesMin(checked)).toBe(least);
    expect(codesOf(checked, least)).toEqual([]);
    if (least > 1) expect(codesOf(checked, least - 1)).not.toEqual([]);
  });

  test('says what is legal', () => {
    const [fault] = checkPolicy(policy({ kind: 'krum' }, 3), 8);
    expect(fault).toMatchObject({ code: 'N_TOO_SMALL', fields: { n: 8, f: 3, nMin: 9, fMax: 2 } });
    expect(fault?.message).toBe(
      'Krum needs n >= 2f + 3: f=3 takes at least 9 updates, got 8; wait for more or lower f to at most 2',
    );
    expect(codesOf(policy({ kind: 'multiKrum', keep: { kind: 'count', updates: 10 } }, 1), 9)).toEqual([
      'M_OUT_OF_RANGE',
    ]);
    expect(codesOf(policy({ kind: 'krum' }, 0.5), 9)).toEqual(['F_INVALID']);
    expect(codesOf(policy({ kind: 'krum' }, 1), 0)).toEqual(['EMPTY_INPUT']);
    expect(codesOf(policy({ kind: 'minimumDiameterAveraging' }, 10), 40)).toEqual(['TOO_MANY_SUBSETS']);
  });
});
