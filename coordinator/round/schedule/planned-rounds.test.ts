import { describe, expect, it } from 'vitest';
import { parseTrackId } from '../../../proto/ids.ts';
import type { Hold } from './next-run.ts';
import { type Planned, planRounds } from './planned-rounds.ts';
import type { ScheduleRules } from './schedule-rules.ts';

const [flow, syscall, quiet] = ['flow', 'syscall', 'quiet'].map(parseTrackId) as [
  ...[ReturnType<typeof parseTrackId>, ReturnType<typeof parseTrackId>, ReturnType<typeof parseTrackId>],
];
const at = (text: string) => Date.parse(`2026-06-${text}Z`);
const daily = (hour: number, more: Partial<ScheduleRules> = {}): ScheduleRules => ({
  ...{ cron: `0 ${hour} * * *`, timeZone: 'UTC', blackouts: [], ...more },
});
const track = (id: typeof flow, schedule: ScheduleRules | null, served = '01T00:00:00') => ({
  ...{ track: id, policy: { schedule }, servedUntilMs: at(served) },
});
const plan = (tracks: Planned['tracks'], freezes: Iterable<Hold> = [], until = '03T00:00:00') =>
  planRounds({ tracks, freezes }, 5, (id) => (id === syscall ? 6 : 5), at('01T00:00:00'), at(until));

describe('planRounds', () => {
  it('lists the runs of all schedules, soonest first, and of equal times by track', () => {
    const tracks = [track(syscall, daily(2)), track(quiet, null), track(flow, daily(2))];
    const tooFew = { heldBecause: 'TOO_FEW_CLUSTERS' };
    for (const order of [tracks, tracks.toReversed()]) {
      expect(plan(order)).toEqual([
        { track: flow, atMs: at('01T02:00:00'), heldBecause: null },
        { track: syscall, atMs: at('01T02:00:00'), ...tooFew },
        { track: flow, atMs: at('02T02:00:00'), heldBecause: null },
        { track: syscall, atMs: at('02T02:00:00'), ...tooFew },
      ]);
    }
    expect(plan([track(flow, daily(2)), track(syscall, daily(1))]).map(({ track: id }) => id)).toEqual([
      ...[syscall, flow, syscall, flow],
    ]);
  });

  it('ends with what opens at the last moment that is asked for', () => {
    expect(plan([track(flow, daily(2))], [], '02T02:00:00')).toHaveLength(2);
    expect(plan([track(flow, daily(2))], [], '02T01:59:59')).toHaveLength(1);
    expect(plan([track(flow, daily(2, { cron: '0 0 30 2 *' }))])).toEqual([]);
  });

  it('lists a held run twice, and what the hold covered not at all', () => {
    const frozen: Hold = { tracks: [flow], fromMs: at('01T01:00:00'), untilMs: at('02T12:00:00') };
    function* once() {
      yield frozen;
    }
    expect(plan([track(flow, daily(2)), track(syscall, daily(3))], once(), '04T00:00:00')).toEqual([
      { track: flow, atMs: at('01T02:00:00'), heldBecause: 'FREEZE' },
      { track: syscall, atMs: at('01T03:00:00'), heldBecause: 'TOO_FEW_CLUSTERS' },
      { track: syscall, atMs: at('02T03:00:00'), heldBecause: 'TOO_FEW_CLUSTERS' },
      { track: flow, atMs: at('02T12:00:00'), heldBecause: null },
      { track: flow, atMs: at('03T02:00:00'), heldBecause: null },
      { track: syscall, atMs: at('03T03:00:00'), heldBecause: 'TOO_FEW_CLUSTERS' },
    ]);
    const window = daily(2, { blackouts: [{ days: [], from: '02:00', to: '02:30' }] });
    expect(plan([track(flow, window)], [], '01T23:00:00').map(({ heldBecause }) => heldBecause)).toEqual([
      'BLACKOUT',
      null,
    ]);
  });

  it('lists what was missed as one run, now, and not at the time that is gone', () => {
    const missed = track(flow, daily(2, { blackouts: [{ days: [], from: '01:30', to: '02:30' }] }), '01T00:00:00');
    const from = (now: string) => planRounds({ tracks: [missed], freezes: [] }, 5, () => 5, at(now), at('02T00:00:00'));
    expect(from('01T09:00:00')).toEqual([{ track: flow, atMs: at('01T09:00:00'), heldBecause: null }]);
    expect(from('01T02:00:00').map(({ atMs }) => atMs)).toEqual([at('01T02:00:00'), at('01T02:30:00')]);
  });

  it('is a thousand at most, of each track and of all', () => {
    const often = daily(0, { cron: '* * * * *' });
    const aCentury = planRounds(
      { tracks: [track(flow, often)], freezes: [] },
      5,
      () => 5,
      at('01T00:00:00'),
      Date.UTC(2126, 0),
    );
    expect(aCentury).toHaveLength(1_000);
    const both = plan([track(flow, often), track(syscall, often)]);
    expect(both).toHaveLength(1_000);
    expect(both.at(-1)?.atMs).toBe(at('01T08:20:00'));
  });

  it('tells of every track when it runs first, however often others run before', () => {
    const often = daily(0, { cron: '* * * * *' });
    const told = plan([track(flow, often), track(syscall, daily(22))], [], '05T00:00:00');
    expect(told).toHaveLength(1_000);
    expect(told.filter(({ track: id }) => id === syscall).map(({ atMs }) => atMs)).toEqual([at('01T22:00:00')]);
    expect(told.at(-1)?.track).toBe(syscall);
    expect(told.at(-2)?.atMs).toBe(at('01T16:39:00'));
  });

  it('tells from a later moment on what runs then, and nothing of what comes before', () => {
    const often = daily(0, { cron: '* * * * *' });
    const since = planRounds(
      { tracks: [track(flow, often)], freezes: [] },
      5,
      () => 5,
      at('01T00:00:00'),
      at('20T00:01:00'),
      at('20T00:00:00'),
    );
    expect(since.map(({ atMs }) => atMs)).toEqual([at('20T00:00:00'), at('20T00:01:00')]);
  });
});
