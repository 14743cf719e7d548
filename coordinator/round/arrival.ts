import { ok, type Result, refuse } from '../../base/fault.ts';
import { hasPayload, isInCohort, updateOf } from './accepted-updates.ts';
import type { RoundFaultCode } from './faults.ts';
import type { Accepted, RoundEvent, RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';

type Collecting = Extract<RoundPhase, { kind: 'collecting' }>;
type Arrived = Omit<Extract<RoundEvent, { kind: 'updateArrived' }>, 'kind'>;

export type Judged = Readonly<
  { kind: 'accepted before' } | { kind: 'acceptable'; phase: Collecting; staleness: number }
>;

/** Whether a round in `phase` takes an update that comes now, or why not. Makes no longer list: it is asked before any byte is read. */
export function judgeArrival(
  phase: RoundPhase,
  { atMs, update }: Arrived,
  rules: RoundRules,
): Result<Judged, RoundFaultCode> {
  if (phase.kind === 'scheduled' || phase.kind === 'recruiting') {
    return refuse('ROUND_NOT_COLLECTING', 'this round takes no updates yet; wait for its invitation');
  }
  if (!isInCohort(phase.cohort, update.cluster)) {
    return refuse('NOT_IN_COHORT', `cluster ${update.cluster} was not invited to this round; wait for an invitation`);
  }
  const earlier = updateOf(phase.accepted, update.cluster);
  if (earlier !== undefined) {
    if (earlier.payloadDigest === update.payloadDigest) return ok({ kind: 'accepted before' });
    return refuse('UPDATE_CONFLICT', `cluster ${update.cluster} has another accepted update in this round`, {
      accepted: earlier.payloadDigest,
      offered: update.payloadDigest,
    });
  }
  if (phase.kind !== 'collecting' || atMs >= phase.closesAtMs) {
    return refuse('ROUND_CLOSED', 'this round takes no updates any more; join the next one');
  }
  if (phase.expelled.some(({ cluster }) => cluster === update.cluster)) {
    return refuse('CLUSTER_QUARANTINED', `cluster ${update.cluster} is kept out of this round by an operator`);
  }
  if (hasPayload(phase.accepted, update.payloadDigest)) {
    // Every seal has a key of its own, so equal bytes are a copy: of no use to an honest cluster.
    return refuse('PAYLOAD_REUSED', 'another cluster has sent these very bytes in this round; seal your own update');
  }
  const staleness = stalenessOf(phase, update);
  if (staleness === undefined) {
    const [code, remedy] =
      rules.carryOver === null ? (['BASE_MISMATCH', ''] as const) : (['UPDATE_TOO_STALE', ' or a recent one'] as const);
    return refuse(code, `the update starts from another model; start from the round's base${remedy}`, {
      expected: phase.base.digest,
      actual: update.baseDigest,
    });
  }
  return ok({ kind: 'acceptable', phase, staleness });
}

function stalenessOf(phase: Collecting, { baseDigest }: Pick<Accepted, 'baseDigest'>): number | undefined {
  if (baseDigest === phase.base.digest) return 0;
  const older = phase.olderBases.indexOf(baseDigest);
  return older === -1 ? undefined : older + 1;
}
