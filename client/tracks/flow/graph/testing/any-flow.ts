import fc from 'fast-check';
import type { FlowEnd, ObservedFlow } from '../../../../events/flow-record.ts';

export const pod = (workload: string): FlowEnd => ({ kind: 'workload', namespace: 'shop', workload });

/** One question of web to db over PostgreSQL's port. */
export const plainFlow: ObservedFlow = {
  atMs: 0,
  node: 'n1',
  id: '',
  source: pod('web'),
  destination: pod('db'),
  sourcePort: 40_000,
  destinationPort: 5432,
  protocol: 'tcp',
  isReply: false,
  seenAt: 'client',
  verdict: 'forwarded',
  l7: undefined,
  count: 1,
  volume: undefined,
};

/** Flows of four workloads over a few ports and twelve seconds. */
export const anyFlow: fc.Arbitrary<ObservedFlow> = fc
  .record({
    atMs: fc.integer({ min: 0, max: 12_000 }),
    source: fc.constantFrom('a', 'b', 'c', 'd').map(pod),
    destination: fc.constantFrom('a', 'b', 'c', 'd').map(pod),
    sourcePort: fc.constantFrom(80, 5432, 22, 40_000),
    destinationPort: fc.constantFrom(80, 5432, 22, 40_000),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    isReply: fc.boolean(),
    seenAt: fc.constantFrom('client' as const, 'server' as const, 'unknown' as const),
    verdict: fc.constantFrom('forwarded' as const, 'dropped' as const),
    count: fc.integer({ min: 1, max: 1_000 }),
    l7: fc.constantFrom<ObservedFlow['l7']>(undefined, {
      phase: 'exchange',
      apiClass: 'http-read',
      method: 'GET',
      route: '/',
      status: 'ok',
    }),
    volume: fc.constantFrom<ObservedFlow['volume']>(undefined, {
      bytesOut: 100,
      bytesIn: 5_000,
      packetsOut: 3,
      packetsIn: 7,
      durationMs: 2.5,
    }),
  })
  .map((over) => ({ ...plainFlow, ...over }));
