import type { EpochMs } from '../../base/time.ts';
import type { RoundId, TrackId } from '../../proto/ids.ts';
import type { RoundPhase } from './phase.ts';
import type { RoundRules } from './rules.ts';
import { deadlineOf } from './step.ts';

/** So much longer than its rules say a phase may last by the steady clock: what a clock is set right by every day makes no difference. */
const slackMs = 60_000;

type Timed = Readonly<{ round: RoundId; phase: RoundPhase; rules: RoundRules }>;

type Seen = Readonly<{ round: RoundId; kind: RoundPhase['kind']; overAtMs: number }>;

/**
 * Deadlines of rounds are moments of the wall clock. One that was set while that clock was ahead lies as far away once it is right again,
 * and the round, and every one after it, would wait for so long. So a phase lasts no longer than its rules say by the steady clock,
 * either, which begins to count when this process first sees the phase: what the wall clock says is left by then may be wrong as well.
 */
export class PassedTime {
  readonly #monotonicMs: () => number;
  /** Of each track the round that is open. */
  readonly #seen = new Map<TrackId, Seen>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** What time it is for an open round: `nowMs`, or its deadline where the time that it had has passed. */
  timeFor(track: TrackId, { round, phase, rules }: Timed, nowMs: EpochMs): EpochMs {
    const deadlineMs = deadlineOf(phase);
    if (deadlineMs === undefined) return nowMs;
    const { kind } = phase;
    const passedMs = this.#monotonicMs();
    const seen = this.#seen.get(track);
    if (seen?.round !== round || seen.kind !== kind) {
      this.#seen.set(track, { round, kind, overAtMs: passedMs + lastsMs(phase, rules) + slackMs });
      return nowMs;
    }
    return passedMs < seen.overAtMs ? nowMs : Math.max(nowMs, deadlineMs);
  }
}

/** How long a phase with a deadline may last. */
function lastsMs({ kind }: RoundPhase, { recruitForMs, collectForMs, aggregateForMs }: RoundRules): number {
  if (kind === 'recruiting') return recruitForMs;
  return kind === 'collecting' ? collectForMs : aggregateForMs;
}
