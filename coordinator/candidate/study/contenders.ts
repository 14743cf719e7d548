import type { Contender } from '../../../aggregation/attack-study.ts';
import { type AggregationPolicy, defaultPolicy, type PreAggregation, type Rule } from '../../../aggregation/policy.ts';

const mixing: PreAggregation = { kind: 'nearestNeighbourMixing' };
const words: Readonly<Record<Rule['kind'] | PreAggregation['kind'], string>> = {
  mean: 'mean',
  krum: 'krum',
  multiKrum: 'multi-krum',
  bulyan: 'bulyan',
  coordinateMedian: 'median',
  trimmedMean: 'trimmed mean',
  geometricMedian: 'geometric median',
  centredClipping: 'centred clipping',
  minimumDiameterAveraging: 'minimum diameter',
  trustedWeights: 'trusted weights',
  fltrust: 'FLTrust',
  declaredHolders: 'declared holders',
  clip: 'clipping',
  adaptiveClip: 'adaptive clipping',
  nearestNeighbourMixing: 'mixing',
  bucketing: 'bucketing',
};

/** What a policy does, in words. */
export function policyName({ before, rule }: Pick<AggregationPolicy, 'before' | 'rule'>): string {
  return [...before, rule].map(({ kind }) => words[kind]).join(' + ');
}

/** What the federation could run instead, with the same f and the same admission; the mean for how bad it could be. */
export function contendersOf(inForce: AggregationPolicy): readonly Contender[] {
  const { f, admission } = inForce;
  const of = (rule: Rule, ...before: PreAggregation[]): AggregationPolicy => ({ f, admission, before, rule });
  const policies = [
    { ...of({ kind: 'mean' }), f: 0 },
    of({ kind: 'krum' }),
    of({ kind: 'multiKrum', keep: { kind: 'allButF' } }, mixing),
    of({ kind: 'trimmedMean' }, mixing),
    of({ kind: 'coordinateMedian' }),
    of({ kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100 }),
    { ...defaultPolicy(f, { sample: true }), admission },
    { ...defaultPolicy(f, { classes: true }), admission },
  ];
  return policies
    .filter((policy) => policyName(policy) !== policyName(inForce))
    .map((policy) => ({ name: policyName(policy), policy }));
}
