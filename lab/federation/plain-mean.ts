import { type AggregationPolicy, defaultPolicy } from '../../aggregation/policy.ts';

/** The mean of all that is admitted as the coordinator admits it: federated averaging, which withstands no liar. */
export const plainMean: AggregationPolicy = { ...defaultPolicy(0), before: [], rule: { kind: 'mean' } };
