import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrackId } from '../../proto/ids.ts';
import type { Freeze } from '../ledger/state/state.ts';
import { blackoutEnd } from '../round/schedule/blackout.ts';
import { checkSchedule, nextRun } from '../round/schedule/next-run.ts';
import type { ScheduleRules } from '../round/schedule/schedule-rules.ts';

const track = 'syscall' as TrackId;
const nightly: ScheduleRules = { cron: '30 2 * * *', timeZone: 'Europe/Stockholm', blackouts: [] };
const at = (text: string) => Date.parse(text);
const iso = (atMs: number | undefined) => (atMs === undefined ? undefined : new Date(atMs).toISOString());

function runsBetween(
  rules: ScheduleRules,
  from: string,
  until: string,
  freezes: Freeze[] = [],
): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (let afterMs = at(from); ; ) {
    const run = nextRun(rules, track, freezes, afterMs, afterMs);
    if (run === undefined || run.opensAtMs >= at(until)) return found;
    found.push(iso(run.opensAtMs));
    afterMs = run.opensAtMs;
  }
}

function minuteOfDay(timeZone: string, atMs: number): number {
  const text = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(atMs);
  const [hour, minute] = text.split(':').map(Number) as [number, number];
  return hour * 60 + minute;
}

describe('a schedule', () => {
  it('keeps local time over both changes of the clock, with one run a day', () => {
    // Stockholm goes to summer time on 2026-03-29 (02:30 does not exist) and back on 2026-10-25 (02:30 comes twice).
    expect(runsBetween(nightly, '2026-03-27T12:00:00Z', '2026-03-31T12:00:00Z')).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z', // 03:00 local, as the clock has jumped: the run is not swallowed.
      '2026-03-30T00:30:00.000Z',
      '2026-03-31T00:30:00.000Z',
    ]);
    expect(runsBetween(nightly, '2026-10-23T12:00:00Z', '2026-10-27T12:00:00Z')).toEqual([
      '2026-10-24T00:30:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
      '2026-10-27T01:30:00.000Z',
    ]);
  });

  it('collapses everything that was missed into one run, now', () => {
    const run = nextRun(nightly, track, [], at('2026-05-01T00:00:00Z'), at('2026-05-09T15:00:00Z'));
    expect(iso(run?.opensAtMs)).toBe('2026-05-09T15:00:00.000Z');
    const next = nextRun(nightly, track, [], at('2026-05-09T15:00:00Z'), at('2026-05-09T15:00:01Z'));
    expect(iso(next?.opensAtMs)).toBe('2026-05-10T00:30:00.000Z');
  });

  it('holds a run until its blackout is over, also when windows touch', () => {
    const rules: ScheduleRules = {
      ...nightly,
      blackouts: [
        { days: [], from: '22:00', to: '03:00' },
        { days: [1], from: '03:00', to: '06:15' },
      ],
    };
    // 2026-06-02 is a Tuesday, 2026-06-01 a Monday; Stockholm is two hours ahead.
    const run = (day: string) => nextRun(rules, track, [], at(`${day}T22:00:00Z`), at(`${day}T22:00:00Z`));
    expect(run('2026-06-01')).toMatchObject({ heldBecause: 'BLACKOUT', opensAtMs: at('2026-06-02T01:00:00Z') });
    expect(run('2026-05-31')).toMatchObject({ heldBecause: 'BLACKOUT', opensAtMs: at('2026-06-01T04:15:00Z') });
  });

  it('holds a run until the freeze of its track, or of all, is lifted', () => {
    const freeze = (tracks: Freeze['tracks']): Freeze => ({
      freezeId: 'f',
      tracks,
      fromMs: at('2026-12-20T00:00:00Z'),
      untilMs: at('2027-01-07T08:00:00Z'),
      reason: 'holidays',
      setBy: 'ada',
    });
    const run = (tracks: Freeze['tracks']) =>
      nextRun(nightly, track, [freeze(tracks)], at('2026-12-24T12:00:00Z'), at('2026-12-24T12:00:00Z'));
    expect(run('all')).toMatchObject({ heldBecause: 'FREEZE', opensAtMs: at('2027-01-07T08:00:00Z') });
    expect(run([track])).toMatchObject({ heldBecause: 'FREEZE' });
    expect(run(['flow' as TrackId])).toMatchObject({ heldBecause: null, opensAtMs: at('2026-12-25T01:30:00Z') });
  });

  it('ends every blackout at its wall-clock minute, whatever the zone does meanwhile', () => {
    const zones = ['Europe/Stockholm', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC'];
    const minute = fc.integer({ min: 0, max: 1_439 });
    const clock = (value: number) =>
      `${String(Math.floor(value / 60)).padStart(2, '0')}:${String(value % 60).padStart(2, '0')}`;
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        minute,
        minute,
        fc.subarray([0, 1, 2, 3, 4, 5, 6]),
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') }),
        (timeZone, from, to, days, atMs) => {
          fc.pre(from !== to);
          const rules: ScheduleRules = {
            cron: '* * * * *',
            timeZone,
            blackouts: [{ days, from: clock(from), to: clock(to) }],
          };
          const endMs = blackoutEnd(rules, atMs);
          if (endMs === undefined) return;
          expect(endMs).toBeGreaterThan(atMs);
          expect(endMs - atMs).toBeLessThanOrEqual(25 * 3_600_000);
          const off = (minuteOfDay(timeZone, endMs) - to + 1_440) % 1_440;
          // A clock that jumps over the minute (by an hour at most) says a later one just after the jump.
          const jumped = minuteOfDay(timeZone, endMs) - minuteOfDay(timeZone, endMs - 3_600_000) !== 60;
          expect(off === 0 || (jumped && off <= 60)).toBe(true);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('ends a blackout no earlier than the jump of a clock that skips its last minute', () => {
    const endOf = (timeZone: string, to: string, from: string) =>
      blackoutEnd({ cron: '* * * * *', timeZone, blackouts: [{ days: [], from: '02:59', to }] }, at(from));
    // From 01:59 the clock goes on with 03:00; on Lord Howe with 02:30.
    expect(endOf('Europe/Stockholm', '02:00', '2027-03-27T12:00:00Z')).toBe(at('2027-03-28T01:00:00Z'));
    expect(endOf('Europe/Stockholm', '02:30', '2027-03-27T12:00:00Z')).toBe(at('2027-03-28T01:30:00Z'));
    expect(endOf('Australia/Lord_Howe', '02:10', '2027-10-02T12:00:00Z')).toBe(at('2027-10-02T15:40:00Z'));
  });

  it('refuses what it cannot keep, every problem together', () => {
    const checked = checkSchedule({
      cron: '61 * * * *',
      timeZone: 'Europe/Atlantis',
      blackouts: [{ days: [9], from: '25:00', to: '3' }],
    });
    const message = checked.ok ? '' : checked.fault.message;
    for (const part of ['timeZone "Europe/Atlantis"', '"Europe/Stockholm"', '25:00', '"3"', '0 (Sunday)']) {
      expect(message).toContain(part);
    }
    const cron = checkSchedule({ ...nightly, cron: '61 * * * *' });
    expect(cron.ok ? '' : cron.fault.message).toContain('cron "61 * * * *"');
    expect(checkSchedule(nightly).ok).toBe(true);
    expect(checkSchedule({ ...nightly, cron: `0 ${nightly.cron}` }).ok).toBe(true);
    const years = checkSchedule({ ...nightly, cron: '* * * * * * *' });
    expect(years).toMatchObject({ fault: { message: expect.stringContaining('has 7 fields; legal are five') } });
  });
});
