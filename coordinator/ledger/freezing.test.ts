import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import type { TrackId } from '../../proto/ids.ts';
import { memoryLedger } from '../testing/memory-ledger.ts';
import { bob, track, trackCreated } from '../testing/released-state.ts';
import { heldBack, liftFreeze, setFreeze, standingFreezes, type WantedFreeze } from './freezing.ts';
import type { Freeze } from './state/state.ts';

const nowMs = 1_000;
const dayMs = 86_400_000;
const wanted: WantedFreeze = { tracks: 'all', fromMs: null, untilMs: 5_000, reason: 'holidays', dryRun: false };
const open = () => memoryLedger([trackCreated], nowMs);

describe('a freeze', () => {
  it('holds from now on, under an id of its own, and says who set it', async () => {
    const ledger = await open();
    const { value } = unwrap(await setFreeze(ledger, bob, wanted));
    expect(value).toEqual({
      ...{ freezeId: expect.stringMatching(/^f-[0-9a-f]{12}$/), tracks: 'all' },
      ...{ fromMs: nowMs, untilMs: 5_000, reason: 'holidays' },
    });
    expect([...ledger.state.freezes.values()]).toEqual([{ ...value, setBy: 'bob' }]);
    const later = unwrap(await setFreeze(ledger, bob, { ...wanted, tracks: [track], fromMs: 2_000 }));
    expect(later.value).toMatchObject({ tracks: [track], fromMs: 2_000 });
    expect(later.value.freezeId).not.toBe(value.freezeId);
    expect(ledger.state.freezes.size).toBe(2);
  });

  it('that is only tried is checked, and not written', async () => {
    const ledger = await open();
    const tried = unwrap(await setFreeze(ledger, bob, { ...wanted, dryRun: true }));
    expect(tried).toMatchObject({ value: { freezeId: '', fromMs: nowMs }, entries: [] });
    expect(ledger.state.freezes.size).toBe(0);
    expect(await setFreeze(ledger, bob, { ...wanted, untilMs: 0, dryRun: true })).toMatchObject({ ok: false });
  });

  it.each<[string, Partial<WantedFreeze>, string, string]>([
    ['ends now', { untilMs: nowMs }, 'FREEZE_INVALID', 'must end after now and after its begin'],
    ['ended before now', { fromMs: 10, untilMs: 900 }, 'FREEZE_INVALID', 'must end after now and after its begin'],
    [
      'ends as it begins',
      { fromMs: 4_000, untilMs: 4_000 },
      'FREEZE_INVALID',
      'must end after now and after its begin',
    ],
    [
      'lasts too long',
      { fromMs: 0, untilMs: 366 * dayMs + 1 },
      'FREEZE_INVALID',
      '366 days at most; end it by 1971-01-02T',
    ],
    ['names no track', { tracks: [track, 'sycall' as TrackId] }, 'TRACK_NOT_FOUND', 'there is no track sycall'],
  ])('that %s is refused', async (_, more, code, message) => {
    const ledger = await open();
    const answer = await setFreeze(ledger, bob, { ...wanted, ...more });
    expect(answer).toMatchObject({ ok: false, fault: { code, message: expect.stringContaining(message) } });
    expect(ledger.state.freezes.size).toBe(0);
  });

  it('may last a year and a day', async () => {
    const year = { ...wanted, fromMs: 5_000, untilMs: 5_000 + 366 * dayMs };
    expect(await setFreeze(await open(), bob, year)).toMatchObject({ ok: true });
  });
});

describe('lifting a freeze', () => {
  it('ends that one, once; a trial ends none', async () => {
    const ledger = await open();
    const { value: first } = unwrap(await setFreeze(ledger, bob, wanted));
    const { value: second } = unwrap(await setFreeze(ledger, bob, wanted));
    const lift = (dryRun: boolean) => liftFreeze(ledger, bob, { freezeId: first.freezeId, reason: 'over', dryRun });
    expect(unwrap(await lift(true))).toEqual({ value: { ...first, setBy: 'bob' }, entries: [] });
    expect(ledger.state.freezes.size).toBe(2);
    expect(unwrap(await lift(false)).value).toEqual({ ...first, setBy: 'bob' });
    expect([...ledger.state.freezes.keys()]).toEqual([second.freezeId]);
    const none = `no freeze ${first.freezeId} is in force or to come; there are: ${second.freezeId}`;
    expect(await lift(false)).toMatchObject({ fault: { code: 'FREEZE_NOT_FOUND', message: none } });
  });

  it('tells those that stand where it finds none, and one that is over does not stand', async () => {
    const over = { freezeId: 'f-0', tracks: 'all', fromMs: 1, untilMs: nowMs, reason: 'test' } as const;
    const standing = ['f-1', 'f-2'].map((freezeId) => ({ ...over, freezeId, untilMs: 9_000 }));
    const lift = async (freezes: readonly (typeof over | (typeof standing)[number])[]) => {
      const ledger = await memoryLedger(
        freezes.map((freeze) => ({ kind: 'freezeSet', ...freeze })),
        nowMs,
      );
      return liftFreeze(ledger, bob, { freezeId: 'f-0', reason: 'over', dryRun: false });
    };
    expect(await lift([over, ...standing])).toMatchObject({
      fault: { message: 'no freeze f-0 is in force or to come; there are: f-1, f-2' },
    });
    expect(await lift([over])).toMatchObject({
      fault: { message: 'no freeze f-0 is in force or to come; there are: none' },
    });
  });
});

it('freezes stand until their end, the soonest first', () => {
  const freeze = (freezeId: string, untilMs: number) => ({ freezeId, untilMs }) as Freeze;
  const all = [freeze('f-c', 30), freeze('f-b', 20), freeze('f-a', 20), freeze('f-d', 10)];
  const ids = (at: number) => standingFreezes(all, at).map(({ freezeId }) => freezeId);
  expect(ids(9)).toEqual(['f-d', 'f-a', 'f-b', 'f-c']);
  expect(ids(10)).toEqual(['f-a', 'f-b', 'f-c']);
  expect(standingFreezes([...all].reverse(), 9)).toEqual(standingFreezes(all, 9));
});

it('a freeze holds back what would open in it, of its tracks', () => {
  const dns = 'dns' as TrackId;
  const planned = (atMs: number, of = track, heldBecause: 'BLACKOUT' | null = null) => ({
    track: of,
    atMs,
    heldBecause,
  });
  const all = [planned(9), planned(10), planned(15, dns), planned(15, track, 'BLACKOUT'), planned(19), planned(20)];
  const held = (tracks: readonly TrackId[] | 'all') => heldBack(all, { tracks, fromMs: 10, untilMs: 20 });
  expect(held('all')).toEqual([planned(10), planned(15, dns), planned(19)]);
  expect(held([track])).toEqual([planned(10), planned(19)]);
  expect(held([])).toEqual([]);
});
