import { describe, expect, it } from 'vitest';
import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';
import type { ClassName } from '../../proto/ids.ts';
import { policyStanding } from './standing.ts';

const names = ['nginx', 'redis', 'sshd'] as ClassName[];
const nginx = ['nginx'] as ClassName[];
const both = ['nginx', 'redis'] as ClassName[];
/** Ten members: all may declare nginx, three redis, none sshd. */
const approved = Array.from({ length: 10 }, (_, at) => (at < 3 ? both : nginx));
const known = { members: 10, invited: 10, n: 10, classes: { names, approved }, sampled: ['nginx'] };
const admission = defaultPolicy(0).admission;

describe('policyStanding', () => {
  it('counts f against shares of liars, and the most that the rule could take', () => {
    const { f, fMax, shares, problems } = policyStanding({ ...known, classes: undefined, policy: defaultPolicy(3) });
    expect({ f, fMax, problems }).toEqual({ f: 3, fMax: 3, problems: [] }); // Multi-Krum: n >= 2f + 3.
    expect(shares.map(({ percent, liars, within, possible }) => [percent, liars, within, possible])).toEqual([
      [1, 0, true, true],
      [5, 0, true, true],
      [10, 1, true, true],
      [20, 2, true, true],
      [30, 3, true, true],
      [40, 4, false, false],
      [50, 5, false, false],
    ]);
  });

  it('asks for more than their share where a round draws some of many, of all whom it invites', () => {
    const many = { ...known, members: 10_000, invited: 650, n: 500, classes: undefined };
    const { fMax, shares } = policyStanding({ ...many, policy: defaultPolicy(93) });
    expect(fMax).toBe(248); // n >= 2f + 3, of the 500 updates that a round has.
    expect(shares.map(({ percent, needs, within, possible }) => [percent, needs, within, possible])).toEqual([
      [1, 25, true, true],
      [5, 69, true, true],
      [10, 113, false, true],
      [20, 192, false, true],
      [30, 264, false, false],
      [40, 333, false, false],
      [50, 399, false, false],
    ]);
  });

  it('says once what two checks find of a federation without clusters', () => {
    const { problems } = policyStanding({
      ...known,
      members: 0,
      invited: 0,
      n: 0,
      classes: undefined,
      policy: defaultPolicy(1),
    });
    expect(problems.length).toBeGreaterThan(0);
    expect(problems).toEqual([...new Set(problems)]);
  });

  it('says why no round would give a model', () => {
    const tooMany = policyStanding({ ...known, classes: undefined, policy: defaultPolicy(4) });
    expect(tooMany.problems[0]).toContain('n >= 2f + 3');
    const rule = { kind: 'trustedWeights', rho: 0.05, clip: 1.5, split: false, stepsMax: 20, blind: 'shares' } as const;
    const blind = policyStanding({ ...known, sampled: undefined, policy: { f: 1, admission, before: [], rule } });
    expect(blind.problems).toEqual(['the rule trustedWeights decides by a trusted sample, and the track has none']);
    const holders = { kind: 'declaredHolders', penalty: 1.4 } as const;
    const flat = { ...known, classes: undefined, policy: { f: 1, admission, before: [], rule: holders } };
    expect(policyStanding(flat).problems).toEqual([
      'the rule declaredHolders goes by declared classes, and the model has no blocks by class',
    ]);
  });

  it('says by class what holds: with the sample, without it, with too few holders', () => {
    const rule = { kind: 'declaredHolders', penalty: 1.4 } as const;
    const byHolders = policyStanding({ ...known, policy: { f: 2, admission, before: [], rule } }).classes;
    expect(byHolders.map(({ holders, covered, withstands }) => [holders, covered, withstands])).toEqual([
      [10, true, 2],
      [3, false, 0],
      [0, false, 0],
    ]);
    expect(byHolders[1]?.text).toContain('each liar makes 1/3');
    const all = { ...known, sampled: ['nginx', 'redis'] };
    const many = policyStanding({ ...all, policy: { f: 3, admission, before: [], rule } }).classes;
    expect(many[1]).toMatchObject({ withstands: 2, text: expect.stringContaining('no more than f = 3') });
    expect(many[0]).toMatchObject({ withstands: 3, text: 'the sample finds out up to 3 that lie' });
    const corroborated = { ...rule, corroborate: true };
    const claimed = policyStanding({ ...all, policy: { f: 3, admission, before: [], rule: corroborated } }).classes;
    expect(claimed[0]?.text).toContain('lie; what it knows from attacks alone counts if 4 of');
    expect(claimed[1]?.text).toContain('on it; what it knows from attacks alone counts if all 3 holders claim it');
    const trusted = { kind: 'trustedWeights', rho: 0.05, clip: 1.5, split: false, stepsMax: 20 } as const;
    const policy = { f: 2, admission, before: [], rule: { ...trusted, blind: 'geometricMedian' as const } };
    const byMedian = policyStanding({ ...known, policy }).classes;
    expect(byMedian[1]).toMatchObject({ withstands: 1, text: expect.stringContaining('5 holders would be needed') });
    const evidence = { ...policy, rule: { ...trusted, blind: 'evidence' as const } };
    const byEvidence = policyStanding({ ...known, policy: evidence }).classes;
    expect(byEvidence.map(({ withstands }) => withstands)).toEqual([2, 1, 0]);
    expect(byEvidence[1]?.text).toMatch(
      /each holder speaks for it with 1\/3: liars thin that.*5 holders would be needed/,
    );
    expect(byEvidence[1]?.text).toContain('with blind: contrast the sample would take back');
    const contrast = { ...policy, rule: { ...trusted, blind: 'contrast' as const } };
    const byContrast = policyStanding({ ...known, policy: contrast }).classes;
    expect(byContrast.map(({ withstands }) => withstands)).toEqual([2, 1, 0]);
    expect(byContrast[1]?.text).toContain('what the sample knows to be something else it takes back; 5 holders');
    const krum = policyStanding({ ...known, policy: defaultPolicy(3) }).classes;
    expect(krum[1]).toMatchObject({
      withstands: 0,
      covered: false,
      text: expect.stringContaining('no more than f = 3'),
    });
  });

  it('says what becomes of the attacks of a sample that weighs networks, and warns where there is none to tell apart', () => {
    const { rule } = defaultPolicy(2, { sample: true });
    const of = (sampleAttacks: number, more: object = {}, sampled: readonly string[] | undefined = ['nginx']) => {
      const policy = { f: 2, admission, before: [], rule: { ...rule, ...more } };
      const { onAttacks, warnings } = policyStanding({ ...known, classes: undefined, policy, sampled, sampleAttacks });
      return { onAttacks, warnings };
    };
    const told = expect.stringMatching(/moved to where it tells the 12 of the sample from its normal work$/);
    expect(of(12)).toEqual({ onAttacks: told, warnings: [] });
    const blindly = expect.stringMatching(
      /from its normal work, also where .* doubtSample: mostClusters would move nothing then$/,
    );
    expect(of(12, { doubtSample: undefined })).toEqual({ onAttacks: blindly, warnings: [] });
    const unheard = expect.stringMatching(/learns nothing from the 12 of the sample: with tellApart: true/);
    expect(of(12, { tellApart: false })).toEqual({ onAttacks: unheard, warnings: [] });
    expect(of(12, { tellApart: undefined })).toEqual({ onAttacks: unheard, warnings: [] });
    const none = expect.stringMatching(/^the sample holds none, .*: put one that holds some$/);
    expect(of(0)).toEqual({ onAttacks: none, warnings: [] });
    expect(of(0, { tellApart: false })).toEqual({ onAttacks: none, warnings: [] });
    const without = { ...known, classes: undefined, sampled: undefined, sampleAttacks: 12 };
    const policy = { f: 2, admission, before: [], rule };
    expect(policyStanding({ ...without, policy })).toMatchObject({ onAttacks: null, warnings: [] });
  });

  it('says why a sample decides nothing: the rule looks at none, or nothing weighs such a model by one', () => {
    const of = (policy: AggregationPolicy, isWeighed: boolean, ...held: string[]) =>
      onAttacks(policy, { isWeighed }, held);
    const onAttacks = (policy: AggregationPolicy, more: { isWeighed: boolean; relays?: number }, held: string[]) => {
      const sampled = held.length > 0 ? held : undefined;
      const { isWeighed, relays } = more;
      const model = { architecture: 'some-model/1', isWeighed };
      return policyStanding({ ...known, policy, sampled, sampleAttacks: 12, model, relays }).onAttacks;
    };
    expect(onAttacks(defaultPolicy(2), { isWeighed: true, relays: 1 }, ['nginx'])).toMatch(
      /^the 12 of the sample decide nothing: members are regions/,
    );
    expect(of(defaultPolicy(2), true, 'nginx')).toMatch(
      /^the rule multiKrum looks at no sample, .* that leaves rule and before out/,
    );
    expect(of(defaultPolicy(2), false, 'nginx')).toMatch(
      /^the 12 of the sample decide nothing: models of some-model\/1 give no gradient/,
    );
    expect(of(defaultPolicy(2), true)).toBeNull();
    expect(of(defaultPolicy(2, { classes: true }), false, 'nginx')).toBeNull();
  });
});
