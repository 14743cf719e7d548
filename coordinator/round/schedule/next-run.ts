import { Cron } from 'croner';
import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import type { TrackId } from '../../../proto/ids.ts';
import { blackoutEnd, checkBlackouts } from './blackout.ts';
import type { ScheduleRules } from './schedule-rules.ts';

/** A run that a schedule asks for, and when it may open. */
export type Run = Readonly<{
  /** The cron expression's own time. */
  occurrenceMs: EpochMs;
  /** The same, or later: when the last blackout and freeze that hold it are over. */
  opensAtMs: EpochMs;
  /** What holds it at its own time. */
  heldBecause: 'BLACKOUT' | 'FREEZE' | null;
}>;

/** While it lasts no round of these tracks opens. */
export type Hold = Readonly<{ tracks: readonly TrackId[] | 'all'; fromMs: EpochMs; untilMs: EpochMs }>;

/** Windows that touch each other in a row, at most: more than a year of them is a mistake, not a plan. */
const holdsMax = 1_000;

/** Every problem with a schedule's cron expression, time zone and blackouts, together. */
export function checkSchedule(rules: ScheduleRules): Result<ScheduleRules, 'SCHEDULE_INVALID'> {
  const problems = checkBlackouts(rules.blackouts);
  const { cron, timeZone } = rules;
  if (isTimeZone(timeZone)) problems.push(...cronProblems(rules));
  else problems.push(`timeZone "${timeZone}" is none that is known here; legal are IANA's, such as "Europe/Stockholm"`);
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5 && fields !== 6) {
    problems.push(`cron "${cron}" has ${fields} fields; legal are five, or six that begin with seconds`);
  }
  return problems.length === 0 ? ok(rules) : refuse('SCHEDULE_INVALID', `schedule: ${problems.join('; ')}`);
}

function cronProblems(rules: ScheduleRules): readonly string[] {
  try {
    return knownOf(rules).cron.nextRun(new Date(0)) === null ? [`cron "${rules.cron}" never comes`] : [];
  } catch (error) {
    return [`cron "${rules.cron}": ${(error as Error).message}`];
  }
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * The first run after `afterMs` that has not been served, seen from `nowMs`: however many occurrences have gone by in
 * between (the coordinator was down, a freeze held them), they are one run. Undefined when the expression has no more.
 */
export function nextRun(
  rules: ScheduleRules,
  track: TrackId,
  freezes: Iterable<Hold>,
  afterMs: EpochMs,
  nowMs: EpochMs,
): Run | undefined {
  const occurrenceMs = occurrenceAfter(rules, afterMs);
  if (occurrenceMs === null) return undefined;
  const holders = [...freezes].filter(({ tracks }) => tracks === 'all' || tracks.includes(track));
  const held = holdOf(rules, holders, occurrenceMs);
  return {
    occurrenceMs,
    opensAtMs: releaseOf(rules, holders, Math.max(occurrenceMs, nowMs)),
    heldBecause: held === undefined ? null : held.because,
  };
}

function releaseOf(rules: ScheduleRules, freezes: readonly Hold[], fromMs: EpochMs): EpochMs {
  let atMs = fromMs;
  for (let holds = 0; holds < holdsMax; holds++) {
    const hold = holdOf(rules, freezes, atMs);
    if (hold === undefined) return atMs;
    atMs = hold.untilMs;
  }
  return atMs;
}

function holdOf(rules: ScheduleRules, freezes: readonly Hold[], atMs: EpochMs) {
  const freeze = freezes.find(({ fromMs, untilMs }) => fromMs <= atMs && atMs < untilMs);
  if (freeze !== undefined) return { because: 'FREEZE', untilMs: freeze.untilMs } as const;
  const untilMs = blackoutEnd(rules, atMs);
  return untilMs === undefined ? undefined : ({ because: 'BLACKOUT', untilMs } as const);
}

/** `next`: the first occurrence after a moment, for moments that were asked about. */
type Known = Readonly<{ cron: Cron; next: Map<EpochMs, EpochMs | null> }>;

const crons = new Map<string, Known>();
const cronsMax = 1_000;
/** Every open page has the same days planned anew each few seconds. */
const nextMax = 2_000;

/** Parsed once: the next run is asked for at every wake-up. */
function knownOf({ cron, timeZone }: ScheduleRules): Known {
  const key = `${timeZone}\n${cron}`;
  const known = crons.get(key);
  if (known !== undefined) return known;
  const parsed = { cron: new Cron(cron, { timezone: timeZone, paused: true }), next: new Map() };
  if (crons.size >= cronsMax) crons.clear();
  crons.set(key, parsed);
  return parsed;
}

function occurrenceAfter(rules: ScheduleRules, afterMs: EpochMs): EpochMs | null {
  const { cron, next } = knownOf(rules);
  const known = next.get(afterMs);
  if (known !== undefined) return known;
  if (next.size >= nextMax) next.clear();
  const found = cron.nextRun(new Date(afterMs))?.getTime() ?? null;
  next.set(afterMs, found);
  return found;
}
