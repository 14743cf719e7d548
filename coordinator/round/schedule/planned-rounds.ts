import type { EpochMs } from '../../../base/time.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { type Hold, nextRun } from './next-run.ts';
import type { ScheduleRules } from './schedule-rules.ts';
import { type Served, servedBefore } from './served-until.ts';

/** A round that a schedule will open, or would. */
export type PlannedRound = Readonly<{
  track: TrackId;
  atMs: EpochMs;
  /** Why it will not open at its time; null when it will. */
  heldBecause: 'BLACKOUT' | 'FREEZE' | 'TOO_FEW_CLUSTERS' | null;
}>;

/** What a plan is made from: every track's schedule with the time up to which it has been served, and every freeze. */
export type Planned = Readonly<{
  tracks: Iterable<Served & Readonly<{ track: TrackId; policy: Readonly<{ schedule: ScheduleRules | null }> }>>;
  freezes: Iterable<Hold>;
}>;

export const plannedMax = 1_000;

/**
 * "What would run tonight": the runs of every schedule until then, soonest first. A held run is listed twice, at its
 * own time with what holds it and at the time at which it opens instead. Nothing is opened or written. `sinceMs`: occurrences
 * before are passed over, so that those long after are among what is planned.
 */
export function planRounds(
  { tracks, freezes }: Planned,
  enrolledCount: number,
  updatesMinOf: (track: TrackId) => number,
  nowMs: EpochMs,
  untilMs: EpochMs,
  sinceMs = nowMs,
): readonly PlannedRound[] {
  const planned: PlannedRound[] = [];
  const freezeList = [...freezes];
  for (const each of tracks) {
    const { track, policy } = each;
    if (policy.schedule === null) continue;
    const tooFew = enrolledCount < updatesMinOf(track) ? 'TOO_FEW_CLUSTERS' : null;
    let afterMs = servedBefore(each, nowMs);
    if (sinceMs > nowMs) afterMs = Math.max(afterMs, sinceMs - 1);
    let fromMs = Math.max(nowMs, sinceMs);
    for (let count = 0; count < plannedMax; count++) {
      const run = nextRun(policy.schedule, track, freezeList, afterMs, fromMs);
      if (run === undefined || run.opensAtMs > untilMs) break;
      if (run.heldBecause !== null && run.occurrenceMs >= nowMs) {
        planned.push({ track, atMs: run.occurrenceMs, heldBecause: run.heldBecause });
      }
      planned.push({ track, atMs: run.opensAtMs, heldBecause: tooFew });
      afterMs = run.opensAtMs; // Occurrences that the hold covered are served by this run.
      fromMs = run.opensAtMs;
    }
  }
  return soonest(planned.sort(inOrder));
}

const inOrder = (a: PlannedRound, b: PlannedRound) => a.atMs - b.atMs || (a.track < b.track ? -1 : 1);

/** As many as are told, each track's first among them however often others run: a track without one is taken for one that never runs. */
function soonest(planned: readonly PlannedRound[]): readonly PlannedRound[] {
  if (planned.length <= plannedMax) return planned;
  const firsts = [...Map.groupBy(planned, ({ track }) => track).values()].flatMap(([first]) => first ?? []);
  const others = planned.filter((one) => !firsts.includes(one));
  return [...firsts, ...others].slice(0, plannedMax).sort(inOrder);
}
