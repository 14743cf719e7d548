import { type AggregationPolicy, defaultPolicy, type PreAggregation, type Rule } from '../../aggregation/policy.ts';
import type { Deployment } from './federation.ts';

const mixing: PreAggregation = { kind: 'nearestNeighbourMixing' };
const buckets: PreAggregation = { kind: 'bucketing', size: 2 };
const arc: PreAggregation = { kind: 'adaptiveClip' };
const krum: Rule = { kind: 'krum' };
const multiKrum: Rule = { kind: 'multiKrum', keep: { kind: 'allButF' } };
const trimmed: Rule = { kind: 'trimmedMean' };
const geometric: Rule = { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 100 };
const trusted = { kind: 'trustedWeights', rho: 0.05, clip: 1.5, stepsMax: 60 } as const;

/** Names of the page. `trusted weights` hears of classes that the sample does not hold by evidence, or by contrast; `today` is what one ran before. */
export const ruleNames = [
  'mean',
  'today: mixing + multi-krum',
  'FLTrust',
  'mixing + multi-krum, sample in batches',
  'bare trusted weights',
  'trusted weights',
  'trusted weights, blind by contrast',
  'krum',
  'multi-krum',
  'bulyan',
  'median',
  'trimmed mean',
  'geometric median',
  'centred clipping',
  'minimum diameter',
  'bucketing + krum',
  'bucketing + trimmed mean',
  'mixing + krum',
  'mixing + median',
  'mixing + trimmed mean',
  'mixing + geometric median',
  'clipping + mixing + krum',
  'clipping + mixing + trimmed mean',
] as const;
export type RuleName = (typeof ruleNames)[number];

/** What a track with a sample has by default; where the sample holds every class it is `trusted weights`. */
export const contrastRule: RuleName = 'trusted weights, blind by contrast';

/** Of networks: what came out of trusted weights is moved to where it tells the sample's attacks apart (`tellApart`). */
export const toldApartRule = 'trusted weights, attacks told apart';

/** The same by quasi-Newton steps (`search`), which get farther. */
export const toldFartherRule = 'trusted weights, attacks told apart by quasi-Newton';

/** Whether the rule, or what its clients train on, depends on the sample. */
export function usesSample(name: RuleName): boolean {
  const { policy: used, sampleShare } = deploymentOf(name, 0);
  return sampleShare > 0 || used.rule.kind === 'trustedWeights' || used.rule.kind === 'fltrust';
}

/** Those that are looked at in every setting. */
export const closelyLooked: readonly RuleName[] = ruleNames.slice(0, 6);

/** Half of every batch from the sample, as far as the sample covers the services (`sceneOf`). */
const half = 0.5;

/** The rule as a federation of f liars among n runs it. Admission is the same for all; the mean withstands none. */
export function deploymentOf(name: RuleName, f: number): Deployment {
  const plain = (rule: Rule, ...before: PreAggregation[]) => ({
    policy: policy(before, rule, f),
    sampleShare: 0,
    byClass: false,
  });
  switch (name) {
    case 'mean':
      return { policy: policy([], { kind: 'mean' }, 0), sampleShare: 0, byClass: false };
    case 'today: mixing + multi-krum':
      return plain(multiKrum, mixing);
    case 'FLTrust':
      return plain({ kind: 'fltrust' });
    case 'mixing + multi-krum, sample in batches':
      return { ...plain(multiKrum, mixing), sampleShare: half };
    case 'bare trusted weights':
      return plain({ ...trusted, split: false, blind: 'shares' });
    case 'trusted weights':
      return { ...plain({ ...trusted, split: true, blind: 'evidence' }), sampleShare: half, byClass: true };
    case 'trusted weights, blind by contrast':
      return { ...plain({ ...trusted, split: true, blind: 'contrast' }), sampleShare: half, byClass: true };
    case 'krum':
      return plain(krum);
    case 'multi-krum':
      return plain(multiKrum);
    case 'bulyan':
      return plain({ kind: 'bulyan' });
    case 'median':
      return plain({ kind: 'coordinateMedian' });
    case 'trimmed mean':
      return plain(trimmed);
    case 'geometric median':
      return plain(geometric);
    case 'centred clipping':
      return plain({ kind: 'centredClipping', radius: 2, steps: 1 });
    case 'minimum diameter':
      return plain({ kind: 'minimumDiameterAveraging' });
    case 'bucketing + krum':
      return plain(krum, buckets);
    case 'bucketing + trimmed mean':
      return plain(trimmed, buckets);
    case 'mixing + krum':
      return plain(krum, mixing);
    case 'mixing + median':
      return plain({ kind: 'coordinateMedian' }, mixing);
    case 'mixing + trimmed mean':
      return plain(trimmed, mixing);
    case 'mixing + geometric median':
      return plain(geometric, mixing);
    case 'clipping + mixing + krum':
      return plain(krum, arc, mixing);
    case 'clipping + mixing + trimmed mean':
      return plain(trimmed, arc, mixing);
  }
}

function policy(before: readonly PreAggregation[], rule: Rule, f: number): AggregationPolicy {
  return { ...defaultPolicy(f), before, rule, admission: { normMax: 1e6, zeroUpdate: 'admit' } };
}
