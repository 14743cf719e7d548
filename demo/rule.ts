import {
  type AggregationPolicy,
  checkPolicy,
  defaultPolicy,
  parsePolicy,
  type TrackKnowledge,
} from '../aggregation/policy.ts';
import { ok, type Result, refuse } from '../base/fault.ts';

const rules = {
  mean: { kind: 'mean' },
  krum: { kind: 'krum' },
  'multi-krum': { kind: 'multiKrum', keep: { kind: 'allButF' } },
  bulyan: { kind: 'bulyan' },
  median: { kind: 'coordinateMedian' },
  'trimmed-mean': { kind: 'trimmedMean' },
  'geometric-median': { kind: 'geometricMedian', smoothing: 1e-6, tolerance: 1e-9, stepsMax: 1_000 },
  mda: { kind: 'minimumDiameterAveraging' },
} as const satisfies Record<string, AggregationPolicy['rule']>;

const preparations = {
  nnm: { kind: 'nearestNeighbourMixing' },
  bucketing: { kind: 'bucketing', size: 2 },
  arc: { kind: 'adaptiveClip' },
} as const satisfies Record<string, AggregationPolicy['before'][number]>;

export const ruleHelp = `${Object.keys(rules).join(', ')}; with ${Object.keys(preparations).join('+, ')}+ before it`;

/**
 * A policy from a short name such as "krum", "nnm+krum" or "arc+nnm+trimmed-mean", for n updates of which f may lie;
 * `undefined` is the policy that a federation starts with whose track `knows` so much.
 */
export function policyOf(
  name: string | undefined,
  n: number,
  f: number,
  knows: TrackKnowledge = {},
): Result<AggregationPolicy, 'RULE_UNUSABLE'> {
  const named = name === undefined ? ok(defaultPolicy(f, knows)) : namedPolicy(name, f);
  if (!named.ok) return named;
  // Counting detectors say "nothing new" by a delta of zeros as soon as the global model agrees with them.
  const policy = parsePolicy({ ...named.value, admission: { ...named.value.admission, zeroUpdate: 'admit' } });
  const problems = policy.ok ? checkPolicy(policy.value, n).map(({ message }) => message) : [policy.fault.message];
  if (policy.ok && problems.length === 0) return policy;
  return refuse('RULE_UNUSABLE', `${problems.join('; ')}; change --clusters, --hostile or --rule`);
}

function namedPolicy(name: string, f: number): Result<AggregationPolicy, 'RULE_UNUSABLE'> {
  const parts = name.split('+');
  const rule = rules[parts.pop() as keyof typeof rules];
  const before = parts.map((part) => preparations[part as keyof typeof preparations]);
  if (rule === undefined || before.includes(undefined as never)) {
    return refuse('RULE_UNUSABLE', `--rule ${name}: expected ${ruleHelp}`);
  }
  return ok({ ...defaultPolicy(rule.kind === 'mean' ? 0 : f), before, rule });
}
