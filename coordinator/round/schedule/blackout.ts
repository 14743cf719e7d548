import type { EpochMs } from '../../../base/time.ts';
import type { Blackout, ScheduleRules } from './schedule-rules.ts';

const minutesPerDay = 1_440;
const minuteMs = 60_000;
const timeOfDay = /^([01]\d|2[0-3]):([0-5]\d)$/;

export function checkBlackouts(blackouts: readonly Blackout[]): string[] {
  return blackouts.flatMap(({ days, from, to }) => {
    const problems: string[] = [];
    if (!timeOfDay.test(from)) problems.push(`blackout from "${from}" must be HH:MM, 00:00 to 23:59`);
    if (!timeOfDay.test(to)) problems.push(`blackout to "${to}" must be HH:MM, 00:00 to 23:59`);
    if (from === to) problems.push(`blackout ${from}-${to} is empty or a whole day; say it with two windows`);
    if (days.some((day) => !Number.isInteger(day) || day < 0 || day > 6)) {
      problems.push('blackout days must be 0 (Sunday) to 6');
    }
    return problems;
  });
}

/** When the blackout that covers `atMs` ends; undefined when none does. Wall-clock times of the schedule's zone. */
export function blackoutEnd({ blackouts, timeZone }: ScheduleRules, atMs: EpochMs): EpochMs | undefined {
  if (blackouts.length === 0) return undefined;
  const { day, minute } = wallClock(timeZone, atMs);
  for (const { days, from, to } of blackouts) {
    const [start, end] = [minuteOf(from), minuteOf(to)];
    const startsOn = (weekday: number) => days.length === 0 || days.includes(weekday);
    const overMidnight = end < start;
    const today = startsOn(day) && minute >= start && (overMidnight || minute < end);
    const sinceYesterday = overMidnight && startsOn((day + 6) % 7) && minute < end;
    if (!today && !sinceYesterday) continue;
    const minutesLeft = (end - minute + minutesPerDay) % minutesPerDay;
    return wallClockMoment(timeZone, Math.floor(atMs / minuteMs) * minuteMs + minutesLeft * minuteMs, end);
  }
  return undefined;
}

/**
 * The moment near `guessMs` at which the zone's clock says `minute` of the day. A guess that counted minutes across a
 * change of offset is off by that change; where the clock jumps over the minute, the moment of the jump or soon after.
 */
function wallClockMoment(timeZone: string, guessMs: EpochMs, minute: number): EpochMs {
  const off =
    ((minute - wallClock(timeZone, guessMs).minute + minutesPerDay * 1.5) % minutesPerDay) - minutesPerDay / 2;
  const momentMs = guessMs + off * minuteMs;
  // No moment says a minute that the clock jumps over: going back to it would end before the jump.
  return wallClock(timeZone, momentMs).minute === minute ? momentMs : Math.max(momentMs, guessMs);
}

function minuteOf(text: string): number {
  const [hour, minute] = text.split(':').map(Number) as [number, number];
  return hour * 60 + minute;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function wallClock(timeZone: string, atMs: EpochMs): { day: number; minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(parts.get('weekday') ?? '');
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
}
