import type { Fault } from '../../base/fault.ts';
import type { EpochMs } from '../../base/time.ts';
import type { ClusterId } from '../../proto/ids.ts';
import { isInCohort, updateOf, withUpdate } from './accepted-updates.ts';
import { judgeArrival } from './arrival.ts';
import { chooseCohort } from './cohort.ts';
import type { RoundFaultCode } from './faults.ts';
import { enoughOf, graceEnd } from './grace.ts';
import type { ListOf } from './growing-list.ts';
import type { AbandonReason, Accepted, RoundEffect, RoundEvent, RoundPhase } from './phase.ts';
import { goalUpdates, inviteCount, quorumUpdates } from './quorum.ts';
import type { RoundRules } from './rules.ts';

export type Step =
  | { kind: 'moved'; phase: RoundPhase; effects: readonly RoundEffect[] }
  | { kind: 'refused'; fault: Fault<RoundFaultCode> };

type Phase<Kind extends RoundPhase['kind']> = Extract<RoundPhase, { kind: Kind }>;
type Event<Kind extends RoundEvent['kind']> = Extract<RoundEvent, { kind: Kind }>;

/**
 * What `event` does to a round in `phase`. Pure: no clock, no randomness, nothing kept. Returns the very same phase
 * object, without effects, when there is nothing to do: queues may deliver twice, and clients resend.
 */
export function step(phase: RoundPhase, event: RoundEvent, rules: RoundRules): Step {
  if (event.kind === 'updateArrived') return arrive(phase, event, rules);
  switch (phase.kind) {
    case 'scheduled':
      if (event.kind === 'opened') return open(event, rules);
      if (event.kind === 'cancelled') return abandon(phase, event.atMs, 'CANCELLED', event.detail);
      return stay(phase);
    case 'recruiting':
      return stepRecruiting(phase, event, rules);
    case 'collecting':
      return stepCollecting(phase, event, rules);
    case 'aggregating':
      return stepAggregating(phase, event);
    case 'candidate':
    case 'abandoned':
      return stay(phase);
  }
}

/** When `timePassed` changes a round in this phase; undefined when only something else can. */
export function deadlineOf(phase: RoundPhase): EpochMs | undefined {
  switch (phase.kind) {
    case 'recruiting':
    case 'collecting':
      return untilOf(phase);
    case 'aggregating':
      return phase.abandonsAtMs;
    case 'scheduled': // Waits for its turn: the schedule opens it, an operator may cancel it.
    case 'candidate':
    case 'abandoned':
      return undefined;
  }
}

function open({ atMs, seed, base }: Event<'opened'>, rules: RoundRules): Step {
  return moved({ kind: 'recruiting', openedAtMs: atMs, recruitsUntilMs: atMs + rules.recruitForMs, seed, base });
}

function stepRecruiting(phase: Phase<'recruiting'>, event: RoundEvent, rules: RoundRules): Step {
  switch (event.kind) {
    case 'counted':
      return recruit(phase, event, rules);
    case 'gathered': {
      if (phase.graceUntilMs !== undefined) return stay(phase);
      const graceMs = graceEnd(phase.openedAtMs, event.atMs, rules);
      return moved({ ...phase, graceUntilMs: Math.min(graceMs, phase.recruitsUntilMs) });
    }
    case 'timePassed':
      if (event.atMs < phase.recruitsUntilMs) {
        // Those who were there at its end were counted before: some have left again, and the deadline is what is left.
        return (phase.graceUntilMs ?? Number.POSITIVE_INFINITY) <= event.atMs
          ? moved(withoutGrace(phase))
          : stay(phase);
      }
      return abandon(phase, event.atMs, 'COHORT_TOO_SMALL', 'too few clusters were connected by the deadline');
    case 'cancelled':
      return abandon(phase, event.atMs, 'CANCELLED', event.detail);
    case 'aggregationRefused':
      return abandon(phase, event.atMs, event.reason, event.detail);
    default:
      return stay(phase);
  }
}

/** Whether a grace begins with those who were counted just now. */
export function isGathered(phase: RoundPhase, event: RoundEvent, rules: RoundRules): boolean {
  if (phase.kind !== 'recruiting' || event.kind !== 'counted' || phase.graceUntilMs !== undefined) return false;
  return called(phase, event, rules).enough;
}

/** Whom a round would invite of those who were counted, whether they are all whom it wants, and enough of them. */
function called({ seed }: Phase<'recruiting'>, event: Event<'counted'>, rules: RoundRules) {
  const goal = goalUpdates(rules, event.enrolledCount);
  const invited = inviteCount(rules, goal);
  const cohort = chooseCohort(event.eligible, invited, seed);
  const quorum = quorumUpdates(rules, cohort.length);
  const wanted = Math.min(invited, event.enrolledCount);
  const enough = cohort.length >= (enoughOf(wanted, quorum, rules) ?? Number.POSITIVE_INFINITY);
  // Everyone wanted is here, or everyone there is: waiting longer brings nobody.
  return { goal, cohort, quorum, complete: cohort.length >= wanted, enough };
}

function recruit(phase: Phase<'recruiting'>, event: Event<'counted'>, rules: RoundRules): Step {
  const { goal, cohort, quorum, complete: everybody, enough } = called(phase, event, rules);
  const timeIsUp = event.atMs >= phase.recruitsUntilMs;
  const complete = everybody || (enough && event.atMs >= (phase.graceUntilMs ?? Number.POSITIVE_INFINITY));
  if (cohort.length < quorum || !(complete || timeIsUp)) {
    if (!timeIsUp) return stay(phase);
    const detail = `${cohort.length} clusters were connected by the deadline; ${quorum} updates are the quorum`;
    return abandon(phase, event.atMs, 'COHORT_TOO_SMALL', detail);
  }
  const { openedAtMs, seed, base } = phase;
  return moved(
    {
      kind: 'collecting',
      openedAtMs,
      closesAtMs: event.atMs + rules.collectForMs,
      seed,
      base,
      olderBases: rules.carryOver === null ? [] : event.olderBases.slice(0, rules.carryOver.stalenessMax),
      cohort,
      goalUpdates: Math.min(goal, cohort.length),
      quorumUpdates: quorum,
      roundKey: event.roundKey,
      accepted: [],
      expelled: [],
    },
    ['invite'],
  );
}

function stepCollecting(phase: Phase<'collecting'>, event: RoundEvent, rules: RoundRules): Step {
  switch (event.kind) {
    case 'timePassed':
      return event.atMs < untilOf(phase) ? stay(phase) : close(phase, event.atMs, rules);
    case 'expelled':
      return expel(phase, event, rules);
    case 'cancelled':
      return abandon(phase, event.atMs, 'CANCELLED', event.detail);
    case 'aggregationRefused':
      return abandon(phase, event.atMs, event.reason, event.detail);
    default:
      return stay(phase);
  }
}

function arrive(phase: RoundPhase, { atMs, update }: Event<'updateArrived'>, rules: RoundRules): Step {
  const judged = judgeArrival(phase, { atMs, update }, rules);
  if (!judged.ok) return { kind: 'refused', fault: judged.fault };
  if (judged.value.kind === 'accepted before') return stay(phase); // The receipt was lost; it is given again.
  const { phase: collecting, staleness } = judged.value;
  const accepted = withUpdate(collecting.accepted, { ...update, staleness, acceptedAtMs: atMs });
  return closeAtGoal({ ...collecting, accepted }, atMs, rules);
}

function expel(phase: Phase<'collecting'>, { atMs, expelled }: Event<'expelled'>, rules: RoundRules): Step {
  const { cluster } = expelled;
  if (!isInCohort(phase.cohort, cluster) || phase.expelled.some((other) => other.cluster === cluster))
    return stay(phase);
  const all = [...phase.expelled, expelled].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
  return closeAtGoal({ ...phase, expelled: all }, atMs, rules);
}

/** Closes when the goal is met, or when everyone who could still send has sent; a grace begins when enough have. */
function closeAtGoal(phase: Phase<'collecting'>, atMs: EpochMs, rules: RoundRules): Step {
  if (!rules.closesAtGoal) return moved(phase);
  const awaited = phase.cohort.length - phase.expelled.length;
  const wanted = Math.min(phase.goalUpdates, awaited);
  const counted = countedIn(phase);
  if (counted >= wanted) return close(phase, atMs, rules);
  const enough = enoughOf(wanted, phase.quorumUpdates, rules);
  if (enough === undefined || counted < enough) return moved(withoutGrace(phase));
  if (phase.graceUntilMs !== undefined) return moved(phase);
  const graceUntilMs = graceEnd(phase.closesAtMs - rules.collectForMs, atMs, rules);
  return moved({ ...phase, graceUntilMs: Math.min(graceUntilMs, phase.closesAtMs) });
}

/** Until when others are waited for: the grace, once there is one, ends no later than the deadline. */
export function untilOf(phase: Phase<'recruiting'> | Phase<'collecting'>): EpochMs {
  return phase.graceUntilMs ?? (phase.kind === 'recruiting' ? phase.recruitsUntilMs : phase.closesAtMs);
}

function withoutGrace<Kind extends Phase<'recruiting'> | Phase<'collecting'>>(phase: Kind): Kind {
  if (phase.graceUntilMs === undefined) return phase;
  const { graceUntilMs: _, ...without } = phase;
  return without as Kind;
}

/** Accepted updates of clusters still in good standing: what the aggregation will see. */
export function countedOf({
  accepted,
  expelled,
}: Pick<Phase<'collecting'>, 'accepted' | 'expelled'>): ListOf<Accepted> {
  if (expelled.length === 0) return accepted;
  const left = new Set(expelled.map(({ cluster }) => cluster));
  return accepted.filter(({ cluster }) => !left.has(cluster));
}

function countedIn({ accepted, expelled }: Pick<Phase<'collecting'>, 'accepted' | 'expelled'>): number {
  return accepted.length - expelled.filter(({ cluster }) => updateOf(accepted, cluster) !== undefined).length;
}

function close(phase: Phase<'collecting'>, atMs: EpochMs, rules: RoundRules): Step {
  const counted = countedIn(phase);
  if (counted < phase.quorumUpdates) {
    return abandon(phase, atMs, 'QUORUM_MISSED', `${counted} of at least ${phase.quorumUpdates} updates were accepted`);
  }
  const { openedAtMs, seed, base, cohort, quorumUpdates, roundKey, accepted, expelled } = phase;
  const heard = new Set(accepted.map(({ cluster }) => cluster));
  return moved(
    {
      kind: 'aggregating',
      openedAtMs,
      closedAtMs: atMs,
      abandonsAtMs: atMs + rules.aggregateForMs,
      seed,
      base,
      cohort,
      quorumUpdates,
      roundKey,
      accepted,
      expelled,
      stragglers: cohort.filter((cluster: ClusterId) => !heard.has(cluster)),
    },
    ['announce', 'aggregate', 'dropPartials'],
  );
}

function stepAggregating(phase: Phase<'aggregating'>, event: RoundEvent): Step {
  switch (event.kind) {
    case 'aggregated': {
      if (event.atMs >= phase.abandonsAtMs) return overdue(phase, event.atMs);
      const { openedAtMs, closedAtMs, base, cohort, accepted, expelled, stragglers } = phase;
      const { atMs: endedAtMs, candidate, provenance, optimiserState } = event;
      const kept = { openedAtMs, closedAtMs, endedAtMs, base, cohort, accepted, expelled, stragglers };
      return moved({ kind: 'candidate', ...kept, candidate, provenance, optimiserState }, ['announce', 'destroyKey']);
    }
    case 'aggregationRefused':
      return abandon(phase, event.atMs, event.reason, event.detail);
    case 'timePassed':
      return event.atMs < phase.abandonsAtMs ? stay(phase) : overdue(phase, event.atMs, event.cause);
    case 'cancelled':
      return abandon(phase, event.atMs, 'CANCELLED', event.detail);
    default:
      return stay(phase);
  }
}

function overdue(phase: Phase<'aggregating'>, atMs: EpochMs, cause?: string): Step {
  const detail = `no candidate came out by the deadline${cause === undefined ? '' : `: ${cause}`}`;
  return abandon(phase, atMs, 'AGGREGATION_OVERDUE', detail);
}

function abandon(phase: RoundPhase, endedAtMs: EpochMs, reason: AbandonReason, detail: string): Step {
  const cohort = 'cohort' in phase ? phase.cohort : [];
  const accepted = 'accepted' in phase ? phase.accepted : [];
  const effects: RoundEffect[] = phase.kind === 'scheduled' ? [] : ['announce', 'destroyKey', 'dropPartials'];
  return moved({ kind: 'abandoned', endedAtMs, reason, detail, cohort, accepted }, effects);
}

function moved(phase: RoundPhase, effects: readonly RoundEffect[] = []): Step {
  return { kind: 'moved', phase, effects };
}

function stay(phase: RoundPhase): Step {
  return { kind: 'moved', phase, effects: [] };
}
