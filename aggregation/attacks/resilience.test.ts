import { describe, expect, test } from 'vitest';
import { seededNumbers } from '../../base/random.ts';
import { aggregate } from '../aggregate.ts';
import { blocksOf, granted, normalVectors } from '../algebra/samples.ts';
import { twinAlgebra } from '../algebra/twin-algebra.ts';
import { memorySink } from '../blocks/blocks.ts';
import type { AggregationPolicy, PreAggregation, Rule } from '../policy.ts';
import { type AttackName, attacks } from './attacks.ts';
import { meanOf, squaredDistance } from './honest.ts';

/** Alike clients: 15 honest updates about a common direction, 3 Byzantine; what the papers' theorems are about. */
const f = 3;
const honest = normalVectors(seededNumbers('resilience'), 15, 60, 0.5);
const honestMean = meanOf(honest);
const radius = Math.sqrt(Math.max(...honest.map((vector) => squaredDistance(vector, honestMean))));

const mixing: PreAggregation[] = [{ kind: 'nearestNeighbourMixing' }];
const robust: Record<string, AggregationPolicy> = {
  krum: policy([], { kind: 'krum' }),
  'multi-krum': policy([], { kind: 'multiKrum', keep: { kind: 'allButF' } }),
  bulyan: policy([], { kind: 'bulyan' }),
  median: policy([], { kind: 'coordinateMedian' }),
  'trimmed mean': policy([], { kind: 'trimmedMean' }),
  'geometric median': policy([], { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-6, stepsMax: 200 }),
  'centred clipping': policy([], { kind: 'centredClipping', radius: 10, steps: 3 }),
  'minimum diameter': policy([], { kind: 'minimumDiameterAveraging' }),
  'mixing + krum': policy(mixing, { kind: 'krum' }),
  'mixing + trimmed mean': policy(mixing, { kind: 'trimmedMean' }),
  'clipping + mixing + krum': policy([{ kind: 'adaptiveClip' }, ...mixing], { kind: 'krum' }),
};

function policy(before: readonly PreAggregation[], rule: Rule, byzantine = f): AggregationPolicy {
  return { f: byzantine, before, rule, admission: { normMax: 1e15, zeroUpdate: 'refuse' } };
}

async function movedBy(policy: AggregationPolicy, name: AttackName): Promise<number> {
  const sent = [...(await attacks[name]({ honest, f, seed: 'resilience' })), ...honest];
  const sink = memorySink(60);
  granted(await aggregate(policy, blocksOf(sent), twinAlgebra(), sink, { seed: 'resilience', measure: false }));
  return Math.sqrt(squaredDistance(sink.values, honestMean));
}

describe.each(Object.keys(robust))('%s', (rule) => {
  test.each(Object.keys(attacks) as AttackName[])('stays among the honest under %s', async (name) => {
    expect(await movedBy(robust[rule] as AggregationPolicy, name)).toBeLessThan(1.2 * radius);
  });
});

describe('the mean', () => {
  test.each(['ipm ε=100', 'scaled replacement', 'constant'] as const)('is led astray by %s', async (name) => {
    const astray = await movedBy(policy([], { kind: 'mean' }, 0), name);
    expect(astray).toBeGreaterThan(name === 'ipm ε=100' ? 5 * radius : 0.5 * radius);
    expect(astray).toBeGreaterThan(2 * (await movedBy(robust['mixing + krum'] as AggregationPolicy, name)));
  });
});
