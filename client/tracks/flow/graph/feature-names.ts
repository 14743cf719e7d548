import { apiClasses, endKinds, flowProtocols, statusClasses } from '../../../events/flow-record.ts';
import { portClasses } from '../../../events/port-class.ts';

const seenStatusClasses = statusClasses.filter((status) => status !== 'none');
const sides = ['as-client', 'as-server'] as const;

/**
 * Columns of `Slice.nodeFeatures`, all between 0 and about 1. `log` columns are ln(1 + x) / 10, shares are of the node's
 * edges (of its calls for API and status), signals come with a column that says whether they were given.
 */
export const nodeFeatureNames: readonly string[] = [
  ...endKinds.map((kind) => `kind:${kind}`),
  ...sides.flatMap((side) => [
    `${side}:log-peers`,
    `${side}:log-edges`,
    `${side}:log-flows`,
    `${side}:refused-share`,
    ...flowProtocols.map((protocol) => `${side}:${protocol}`),
    ...portClasses.map((name) => `${side}:port-${name}`),
    ...apiClasses.map((name) => `${side}:api-${name}`),
    ...seenStatusClasses.map((name) => `${side}:status-${name}`),
  ]),
  'cpu:given',
  'cpu:log-cores',
  'memory:given',
  'memory:log-gib',
  'syscall:given',
  'syscall:score',
];

/** Columns of `Slice.edgeFeatures`, scaled as those of nodes. Shares are of the edge's flows or calls. */
export const edgeFeatureNames: readonly string[] = [
  ...flowProtocols.map((protocol) => `protocol:${protocol}`),
  ...portClasses.map((name) => `port:${name}`),
  'log-flows',
  'log-calls',
  'active-share', // Of the window's intervals, those in which the edge was used.
  'refused-share',
  'answered', // 1 where any reply was seen.
  ...apiClasses.map((name) => `api:${name}`),
  ...seenStatusClasses.map((name) => `status:${name}`),
  'log-routes',
  'volume:given',
  'volume:log-bytes-out', // Per flow, as the other amounts.
  'volume:log-bytes-in',
  'volume:log-packets-out',
  'volume:log-packets-in',
  'volume:log-duration-ms',
];
