import type { EpochMs } from '../../base/time.ts';
import { headOf, type Round, type State, type Track } from '../ledger/state/state.ts';
import type { RoundEvent, RoundPhase } from '../round/phase.ts';
import type { RoundRules } from '../round/rules.ts';
import { isGathered } from '../round/step.ts';
import { enrolledCount, isInGoodStanding, type Presence } from './presence.ts';

/** Who is connected and in good standing, as an event for a round that recruits. */
export function countedEvent(
  state: State,
  track: Track,
  presence: Presence,
  roundKey: string,
  atMs: EpochMs,
): RoundEvent {
  const { version } = headOf(track);
  return {
    kind: 'counted',
    atMs,
    eligible: presence.eligible(state, track.track),
    enrolledCount: enrolledCount(state),
    roundKey,
    // Versions that came before the head, newest first: what a straggler may still have started from.
    olderBases: track.models
      .slice(0, version)
      .map(({ digest }) => digest)
      .reverse()
      .slice(0, 64),
  };
}

/** What the present moment means for a round: time, who is connected, who has lost its good standing. */
export function eventsFor(
  state: State,
  track: Track,
  { phase, rules }: Round,
  presence: Presence,
  roundKey: string | undefined,
  atMs: EpochMs,
  /** What keeps its aggregation from ending, where anything does. */
  trouble: string | undefined,
): readonly RoundEvent[] {
  switch (phase.kind) {
    case 'recruiting':
      if (roundKey === undefined) {
        const detail = 'its secret key is not in the key store; no update could ever be opened';
        return [{ kind: 'aggregationRefused', atMs, reason: 'ROUND_KEY_LOST', detail }];
      }
      return recruitingEvents(phase, countedEvent(state, track, presence, roundKey, atMs), rules);
    case 'collecting': {
      const expelled = phase.cohort.filter((cluster) => !isInGoodStanding(state, cluster));
      return [
        ...expelled.map((cluster): RoundEvent => {
          const code = state.clusters.get(cluster)?.status === 'enrolled' ? 'CLUSTER_QUARANTINED' : 'CLUSTER_REVOKED';
          return { kind: 'expelled', atMs, expelled: { cluster, code } };
        }),
        { kind: 'timePassed', atMs },
      ];
    }
    default:
      return [{ kind: 'timePassed', atMs, ...(trouble !== undefined && { cause: trouble }) }];
  }
}

function recruitingEvents(phase: RoundPhase, counted: RoundEvent, rules: RoundRules): readonly RoundEvent[] {
  const { atMs } = counted;
  const gathered: readonly RoundEvent[] = isGathered(phase, counted, rules) ? [{ kind: 'gathered', atMs }] : [];
  return [counted, ...gathered, { kind: 'timePassed', atMs }];
}
