import { describe, expect, it } from 'vitest';
import type { Attention } from '../views/attention.ts';
import { changesAfter, type KnownMatter, remindMs } from './changes.ts';

const minuteMs = 60_000;
const held: Attention = {
  severity: 'critical',
  code: 'GATE_HELD',
  track: 'syscall',
  cluster: '',
  about: '',
  text: 'version 3 is held',
  atMs: 7,
};
const away: Attention = { ...held, severity: 'warning', code: 'CLUSTER_AWAY', cluster: 'eu-1', track: '', atMs: null };
const expiring: Attention = { ...held, severity: 'warning', code: 'ROOT_EXPIRES', track: '', about: 'root' };

/** Looks at what stands at each moment, in minutes; what was told at each. */
function looks(...seen: readonly (readonly [number, readonly Attention[]])[]) {
  let known: ReadonlyMap<string, KnownMatter> = new Map();
  return seen.map(([minutes, matters]) => {
    const after = changesAfter(known, matters, minutes * minuteMs);
    known = after.known;
    return after.told.map(({ state, code, severity }) => `${state} ${code} ${severity}`);
  });
}

describe('changesAfter', () => {
  it('tells once what stands, again after a day, and once that it is over', () => {
    const day = remindMs / minuteMs;
    expect(
      looks([0, [held]], [1, [held, held]], [day, [held]], [day + 1, [held]], [day + 2, []], [day + 3, []]),
    ).toEqual([['open GATE_HELD critical'], [], ['open GATE_HELD critical'], [], ['over GATE_HELD critical'], []]);
  });

  it('says nothing of a cluster that was away for a moment, and of one that stays away after five minutes', () => {
    expect(looks([0, [away]], [4, [away]], [4.5, []], [6, [away]], [10.9, [away]], [11, [away]], [12, []])).toEqual([
      ...[[], [], [], [], []],
      ['open CLUSTER_AWAY warning'],
      ['over CLUSTER_AWAY warning'],
    ]);
  });

  it('tells at once what got worse, and not what got better', () => {
    const expired: Attention = { ...expiring, severity: 'critical' };
    expect(looks([0, [expiring]], [1, [expired]], [2, [expiring]])).toEqual([
      ['open ROOT_EXPIRES warning'],
      ['open ROOT_EXPIRES critical'],
      [],
    ]);
    const { known } = changesAfter(new Map(), [expiring], 0);
    expect(changesAfter(known, [expired], 1).told[0]).toMatchObject({ severityBefore: 'warning' });
  });

  it('takes another version that is held for news, and one cluster for another', () => {
    expect(looks([0, [held]], [1, [{ ...held, atMs: 8 }]])).toEqual([
      ['open GATE_HELD critical'],
      ['open GATE_HELD critical'],
    ]);
    const drifting = ['eu-1', 'eu-2'].map((cluster): Attention => ({ ...away, code: 'CLUSTER_DRIFTS', cluster }));
    expect(looks([0, drifting])[0]).toHaveLength(2);
  });

  it('does not call over what it could not see: alerts before clusters came back, workers without Redis', () => {
    const wave: Attention = { ...held, code: 'ALERT_WAVE', about: 'reverse-shell', atMs: null };
    const idle: Attention = { ...held, severity: 'warning', code: 'NO_WORKER', track: '', atMs: null };
    const redisAway: Attention = { ...idle, code: 'REDIS_AWAY' };
    const before = changesAfter(new Map(), [wave, idle], 0).known;
    const told = changesAfter(before, [wave, idle], minuteMs).known;

    const restarted = changesAfter(told, [redisAway], 2 * minuteMs, 0);
    expect(restarted.told).toEqual([]);
    const heard = changesAfter(restarted.known, [], 7 * minuteMs, 5 * minuteMs);
    expect(heard.told.map(({ state, code, since }) => [state, code, since])).toEqual([
      ['over', 'ALERT_WAVE', new Date(0).toISOString()],
      ['over', 'NO_WORKER', new Date(0).toISOString()],
    ]);
  });

  it('says what to do next, by name', () => {
    const [told] = changesAfter(new Map(), [{ ...away, code: 'EXCLUDED_STREAK' }], 0).told;
    expect(told?.next).toContain('`testudo clusters show eu-1`');
    expect(told?.id).toMatch(/^a-[0-9a-f]{16}$/);
  });
});
