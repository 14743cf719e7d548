import fc from 'fast-check';
import type { ClusterId, Digest } from '../../proto/ids.ts';
import type { RoundEvent } from './phase.ts';
import type { RoundRules } from './rules.ts';

/** Test data: twelve clusters that may be eligible, two that never are, and events in any order and at any time. */
export const members = Array.from({ length: 12 }, (_, index) => `cluster-${index}` as ClusterId);
export const outsiders = ['outsider-a', 'outsider-b'] as ClusterId[];

export function digestNamed(index: number): Digest {
  return `sha256:${index.toString(16).padStart(64, '0')}` as Digest;
}

export const baseDigest = digestNamed(900);
export const olderDigests = [digestNamed(899), digestNamed(898)];

/** Rules of a round for five updates, three of which are enough. */
export const fiveOrThree: RoundRules = {
  goal: { kind: 'count', updates: 5 },
  overSelection: 1.3,
  quorum: { kind: 'count', updates: 3 },
  updatesMin: 3,
  recruitForMs: 100,
  collectForMs: 1_000,
  aggregateForMs: 500,
  closesAtGoal: true,
  carryOver: null,
};

export const legalRules: fc.Arbitrary<RoundRules> = fc
  .record({
    updatesMin: fc.integer({ min: 1, max: 7 }),
    goalShare: fc.boolean(),
    extra: fc.integer({ min: 0, max: 4 }),
    share: fc.double({ min: 0.05, max: 1, noNaN: true }),
    quorumShare: fc.boolean(),
    overSelection: fc.constantFrom(1, 1.3, 2),
    closesAtGoal: fc.boolean(),
    grace: fc.option(fc.record({ graceMs: fc.constantFrom(10, 300), sparedMax: fc.integer({ min: 1, max: 3 }) })),
    carryOver: fc.option(fc.record({ stalenessMax: fc.integer({ min: 1, max: 3 }), exponent: fc.constant(0.5) })),
  })
  .map(({ updatesMin, goalShare, extra, share, quorumShare, overSelection, closesAtGoal, grace, carryOver }) => ({
    goal: goalShare ? { kind: 'share', ofEnrolled: share } : { kind: 'count', updates: updatesMin + extra },
    quorum: quorumShare ? { kind: 'share', ofCohort: share } : { kind: 'count', updates: updatesMin },
    updatesMin,
    overSelection,
    recruitForMs: 100,
    collectForMs: 1_000,
    aggregateForMs: 500,
    closesAtGoal,
    ...(grace ?? {}),
    carryOver,
  }));

const atMs = fc.integer({ min: 0, max: 3_000 });
const anyCluster = fc.constantFrom(...members, ...outsiders);

const update = fc.record({
  cluster: anyCluster,
  payloadDigest: fc.integer({ min: 0, max: 30 }).map(digestNamed),
  payloadBytes: fc.constant(4_096),
  baseDigest: fc.constantFrom(baseDigest, baseDigest, baseDigest, ...olderDigests, digestNamed(1)),
  exampleCount: fc.nat(),
  signature: fc.constant('c2ln'),
});

const anyEvent: fc.Arbitrary<RoundEvent> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('updateArrived' as const), atMs, update }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('opened' as const),
      atMs,
      seed: fc.nat(),
      base: fc.constant({ version: 3, digest: baseDigest }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('counted' as const),
      atMs,
      eligible: fc.subarray(members),
      enrolledCount: fc.integer({ min: 0, max: members.length }),
      roundKey: fc.constant('a2V5'),
      olderBases: fc.constant(olderDigests),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('timePassed' as const), atMs }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('gathered' as const), atMs }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('expelled' as const),
      atMs,
      expelled: fc.record({ cluster: anyCluster, code: fc.constant('CLUSTER_QUARANTINED' as const) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('aggregated' as const),
      atMs,
      candidate: fc.constant({ version: 4, digest: digestNamed(901) }),
      provenance: fc.constant(digestNamed(902)),
      optimiserState: fc.constant(null),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('aggregationRefused' as const),
      atMs,
      reason: fc.constant('AGGREGATION_REFUSED' as const),
      detail: fc.constant('refused'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancelled' as const), atMs, detail: fc.constant('stop') }) },
);

/** Starts most runs the way real rounds start, so that the interesting phases are reached. */
export const eventLists: fc.Arbitrary<readonly RoundEvent[]> = fc
  .tuple(fc.boolean(), fc.array(anyEvent, { maxLength: 60 }))
  .map(([usual, events]) => (usual ? [...usualStart, ...events] : events));

const usualStart: readonly RoundEvent[] = [
  { kind: 'opened', atMs: 0, seed: 7, base: { version: 3, digest: baseDigest } },
  {
    kind: 'counted',
    atMs: 1,
    eligible: members,
    enrolledCount: members.length,
    roundKey: 'a2V5',
    olderBases: olderDigests,
  },
];
