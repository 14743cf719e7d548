import { describe, expect, it } from 'vitest';
import { parseTrackId } from '../../../proto/ids.ts';
import { blackoutEnd } from './blackout.ts';
import { checkSchedule, type Hold, nextRun } from './next-run.ts';
import type { Blackout, ScheduleRules } from './schedule-rules.ts';

const at = (text: string) => Date.parse(text);
const rules = (...blackouts: Blackout[]): ScheduleRules => ({ cron: '0 2 * * *', timeZone: 'UTC', blackouts });
const endOf = (blackout: Blackout, moment: string) => {
  const endMs = blackoutEnd(rules(blackout), at(moment));
  return endMs === undefined ? undefined : new Date(endMs).toISOString();
};

describe('blackoutEnd', () => {
  it('is the minute that a window ends before, for every moment from its first on', () => {
    const window = { days: [], from: '10:00', to: '12:30' };
    expect(endOf(window, '2026-06-03T09:59:59.999Z')).toBeUndefined();
    for (const time of ['10:00:00', '10:00:17.5', '12:29:59.999']) {
      expect(endOf(window, `2026-06-03T${time}Z`)).toBe('2026-06-03T12:30:00.000Z');
    }
    expect(endOf(window, '2026-06-03T12:30:00Z')).toBeUndefined();
    expect(blackoutEnd(rules(), at('2026-06-03T11:00:00Z'))).toBeUndefined();
  });

  it('belongs to the day on which the window starts, over midnight too: each day of a week', () => {
    const monday = at('2026-06-01T00:00:00Z');
    for (const day of [0, 1, 2, 3, 4, 5, 6]) {
      const start = monday + ((day + 6) % 7) * 86_400_000;
      const within = { days: [day], from: '10:00', to: '11:00' };
      const over = { days: [day], from: '23:00', to: '01:00' };
      for (let other = 0; other < 7; other++) {
        const dayMs = monday + other * 86_400_000;
        const isIt = dayMs === start;
        expect(blackoutEnd(rules(within), dayMs + 10.5 * 3_600_000)).toBe(isIt ? dayMs + 11 * 3_600_000 : undefined);
        expect(blackoutEnd(rules(over), dayMs + 23.5 * 3_600_000)).toBe(isIt ? dayMs + 25 * 3_600_000 : undefined);
        const isNext = (other + 6) % 7 === (day + 6) % 7;
        expect(blackoutEnd(rules(over), dayMs + 0.5 * 3_600_000)).toBe(isNext ? dayMs + 3_600_000 : undefined);
      }
    }
  });

  it('ends at its minute of the clock in the night in which an hour is left out, or comes twice', () => {
    const night = { ...rules({ days: [], from: '22:00', to: '06:00' }), timeZone: 'Europe/Stockholm' };
    expect(blackoutEnd(night, at('2027-03-27T22:00:00Z'))).toBe(at('2027-03-28T04:00:00Z'));
    expect(blackoutEnd(night, at('2027-10-30T21:00:00Z'))).toBe(at('2027-10-31T05:00:00Z'));
  });

  it('says the minutes of its zone', () => {
    const window = { days: [], from: '00:00', to: '00:45' };
    const kathmandu = { ...rules(window), timeZone: 'Asia/Kathmandu' }; // Five hours and three quarters ahead.
    expect(blackoutEnd(kathmandu, at('2026-06-02T18:15:00Z'))).toBe(at('2026-06-02T19:00:00Z'));
    expect(blackoutEnd(kathmandu, at('2026-06-02T19:00:00Z'))).toBeUndefined();
  });
});

describe('checkSchedule', () => {
  const messageOf = (...blackouts: Blackout[]) => {
    const checked = checkSchedule(rules(...blackouts));
    if (checked.ok) return undefined;
    expect(checked.fault.code).toBe('SCHEDULE_INVALID');
    return checked.fault.message;
  };
  const days = 'blackout days must be 0 (Sunday) to 6';

  it('takes times of a day and days of a week, from the first to the last', () => {
    expect(messageOf({ days: [0, 6], from: '00:00', to: '23:59' }, { days: [], from: '19:09', to: '20:00' })).toBe(
      undefined,
    );
    expect(checkSchedule(rules())).toEqual({ ok: true, value: rules() });
  });

  it.each<[string, Partial<Blackout>]>([
    ['blackout from "24:00" must be HH:MM, 00:00 to 23:59', { from: '24:00' }],
    ['blackout from "1:00" must be HH:MM, 00:00 to 23:59', { from: '1:00' }],
    ['blackout from "011:00" must be HH:MM, 00:00 to 23:59', { from: '011:00' }],
    ['blackout to "12:60" must be HH:MM, 00:00 to 23:59', { to: '12:60' }],
    ['blackout to "12:000" must be HH:MM, 00:00 to 23:59', { to: '12:000' }],
    ['blackout 10:00-10:00 is empty or a whole day; say it with two windows', { to: '10:00' }],
    [days, { days: [7] }],
    [days, { days: [-1] }],
    [days, { days: [1, 1.5] }],
  ])('refuses alone: %s', (problem, more) => {
    expect(messageOf({ days: [], from: '10:00', to: '11:00', ...more })).toBe(`schedule: ${problem}`);
  });

  it('says so of an expression that never comes, beside what else is wrong', () => {
    const checked = checkSchedule({
      ...{ cron: '0 0 30 2 *', timeZone: 'UTC', blackouts: [{ days: [9], from: '10:00', to: '11:00' }] },
    });
    expect(checked).toEqual({
      ok: false,
      fault: { code: 'SCHEDULE_INVALID', message: `schedule: ${days}; cron "0 0 30 2 *" never comes` },
    });
  });
});

describe('nextRun', () => {
  const track = parseTrackId('syscall');
  const run = (afterMs: number, freezes: readonly Hold[], schedule = rules()) =>
    nextRun(schedule, track, freezes, afterMs, afterMs);
  const two = at('2026-06-03T02:00:00Z');

  it('has none where the expression has no more', () => {
    expect(run(two, [], { ...rules(), cron: '0 0 30 2 *' })).toBeUndefined();
  });

  it('is held by a freeze from its first millisecond until its last is over', () => {
    const freeze = (fromMs: number, untilMs: number): Hold[] => [{ tracks: 'all', fromMs, untilMs }];
    expect(run(two - 1, freeze(two, two + 5))).toEqual({
      occurrenceMs: two,
      opensAtMs: two + 5,
      heldBecause: 'FREEZE',
    });
    expect(run(two - 1, freeze(two + 1, two + 5))).toEqual({ occurrenceMs: two, opensAtMs: two, heldBecause: null });
    expect(run(two - 1, freeze(two - 5, two))).toEqual({ occurrenceMs: two, opensAtMs: two, heldBecause: null });
  });

  it('gives up after a thousand windows in a row: a schedule that is never free opens at some time', () => {
    const always = rules({ days: [], from: '00:00', to: '12:00' }, { days: [], from: '12:00', to: '00:00' });
    expect(run(two - 1, [], always)?.opensAtMs).toBe(at('2026-06-03T00:00:00Z') + 500 * 86_400_000);
  });

  it('opens when the last of what holds it in a row is over', () => {
    const holds: Hold[] = [1, 0, 2].map((at) => ({
      tracks: 'all',
      fromMs: two + at * 10,
      untilMs: two + at * 10 + 10,
    }));
    expect(run(two - 1, holds)?.opensAtMs).toBe(two + 30);
    // What is over at the beginning of a blackout goes on into it.
    const half = two + 1_800_000;
    expect(
      run(two - 1, [{ tracks: 'all', fromMs: two, untilMs: half }], rules({ days: [], from: '02:30', to: '03:00' })),
    ).toEqual({ occurrenceMs: two, opensAtMs: two + 3_600_000, heldBecause: 'FREEZE' });
  });
});
