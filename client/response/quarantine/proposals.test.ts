import { expect, it } from 'vitest';
import { madeAtMs, madePod } from '../testing/made-facts.ts';
import type { Order } from './orders.ts';
import { type Proposal, proposalsAfter, proposalsMax } from './proposals.ts';
import type { Asked, Seen, SeenSuspect } from './seen.ts';

const now = madeAtMs;
const asks: Asked = { action: 'isolate', keepForMs: 60_000, untilMs: now + 900_000, tracks: ['flow', 'syscall'] };

function suspect(name: string, state: SeenSuspect['state'] = 'waits', risk = 2): SeenSuspect {
  const seen = { pod: madePod(name), workload: 'web', risk, alerts: 2, state, because: '' };
  return state === 'waits' ? { ...seen, asks } : seen;
}

function seenOf(suspects: readonly SeenSuspect[], quarantined: readonly string[] = []): Seen {
  const mark = { atMs: now, untilMs: now, evidence: '', alerts: [] };
  return { isBlind: false, suspects, quarantined: quarantined.map((name) => ({ pod: madePod(name), mark })) };
}

const word = (kind: Order['kind'], name: string, atMs = now): Order => ({
  ...{ kind, uid: `uid-${name}`, by: 'ada', reason: 'looked at it', atMs },
});

const outcomes = (proposals: readonly Proposal[]) =>
  Object.fromEntries(proposals.map(({ pod, decided }) => [pod, decided?.outcome ?? 'waits']));

it('says since when each waits, and what became of those that wait no more', () => {
  const names = ['kept', 'approved', 'declined', 'enforced', 'lapsed', 'held', 'gone', 'done'];
  const waiting = proposalsAfter([], seenOf(names.map((name) => suspect(name))), [], now);
  expect(new Set(Object.values(outcomes(waiting)))).toEqual(new Set(['waits']));
  const after = proposalsAfter(
    waiting,
    seenOf(
      [
        suspect('kept'),
        suspect('approved', 'begun'),
        suspect('declined', 'quiet'),
        suspect('enforced', 'begun'),
        suspect('lapsed', 'quiet'),
        suspect('held', 'held'),
      ],
      ['done'],
    ),
    [word('approve', 'approved'), word('decline', 'declined'), word('lift', 'lapsed')],
    now + 5_000,
  );
  expect(outcomes(after)).toEqual({
    ...{ kept: 'waits', approved: 'approved', declined: 'declined', enforced: 'enforced' },
    ...{ lapsed: 'lapsed', held: 'held', gone: 'gone', done: 'enforced' },
  });
  expect(after[0]).toMatchObject({ pod: 'kept', sinceMs: now, decided: null });
  const by = { outcome: 'approved', atMs: now + 5_000, by: 'ada', reason: 'looked at it' };
  expect(after.find(({ pod }) => pod === 'approved')?.decided).toEqual(by);
  expect(after.find(({ pod }) => pod === 'lapsed')?.decided).toMatchObject({ by: '', reason: '' });
});

it('goes by the later of two words, and asks anew after one', () => {
  const words = [word('approve', 'web', now + 1), word('decline', 'web', now + 2)];
  const waiting = proposalsAfter([], seenOf([suspect('web')]), [], now);
  const declined = proposalsAfter(waiting, seenOf([suspect('web', 'quiet')]), words, now + 3);
  expect(outcomes(declined)).toEqual({ web: 'declined' });
  const again = proposalsAfter(declined, seenOf([suspect('web')]), words, now + 60_000);
  expect(again.map(({ decided, sinceMs }) => [decided?.outcome, sinceMs])).toEqual([
    [undefined, now + 60_000],
    ['declined', now],
  ]);
});

it('takes nobody for gone while the cluster is not seen, forgets after a day, and keeps the most suspect of too many', () => {
  const waiting = proposalsAfter([], seenOf([suspect('web')]), [], now);
  expect(proposalsAfter(waiting, { ...seenOf([]), isBlind: true }, [], now + 1)).toBe(waiting);
  const gone = proposalsAfter(waiting, seenOf([]), [], now + 1);
  expect(outcomes(gone)).toEqual({ web: 'gone' });
  expect(proposalsAfter(gone, seenOf([]), [], now + 1 + 86_400_000)).toEqual([]);
  const many = Array.from({ length: 200 }, (_, at) => suspect(`web-${at}`, 'waits', at));
  const kept = proposalsAfter([], seenOf(many), [], now);
  expect(kept.map(({ risk }) => risk)).toEqual(Array.from({ length: proposalsMax.open }, (_, at) => 199 - at));
  expect(proposalsAfter(kept, seenOf([]), [], now + 1)).toHaveLength(proposalsMax.decided);
});
