import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sighting } from '../simulation/sightings.ts';
import { type Breaker, closedBreaker, flaggedMax, resumed, watchBreaker } from './breaker.ts';

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const now = Date.parse('2026-11-28T12:00:00Z');

describe('watchBreaker', () => {
  const limits = { withinMs: hour, workloadsMax: 2, podShareMax: 0.2 };
  const swappedAt = (atMs: number): Breaker => ({
    ...closedBreaker,
    swaps: [{ track: 'syscall', version: 3, atMs }],
  });
  const flagged = (count: number, atMs: number, modelVersion = 3) =>
    Array.from({ length: count }, (_, n) => sighting({ atMs, modelVersion, workload: `w${n}`, pod: `w${n}-1` }));

  it('opens when a model flags more workloads than allowed within so long of its swap, and says which', () => {
    const swapped = swappedAt(now - 5 * minute);
    expect(watchBreaker(swapped, flagged(2, now), 1_000, limits, now).open).toBeNull();
    const { open } = watchBreaker(swapped, flagged(3, now), 1_000, limits, now);
    expect(open).toMatchObject({ track: 'syscall', version: 3, why: expect.stringContaining('3 of 1000 pods in 3') });
    const late = swappedAt(now - 2 * hour);
    expect(watchBreaker(late, flagged(30, now), 1_000, limits, now).open).toBeNull();
  });

  it('opens on a share of pods of one workload, but not on so few that a share says nothing', () => {
    const pods = (count: number) => Array.from({ length: count }, (_, n) => sighting({ atMs: now, pod: `web-${n}` }));
    expect(watchBreaker(closedBreaker, pods(2), 4, limits, now).open).toBeNull();
    expect(watchBreaker(closedBreaker, pods(3), 4, limits, now).open).not.toBeNull();
    expect(watchBreaker(closedBreaker, pods(3), 15, limits, now).open).toBeNull();
  });

  it('stays open until an operator resumes, and then looks only at what comes after', () => {
    const opened = watchBreaker(closedBreaker, flagged(3, now), 10, limits, now);
    expect(watchBreaker(opened, [], 10, limits, now + 9 * day).open).not.toBeNull();
    const again = resumed(opened, now + minute);
    expect(watchBreaker(again, flagged(3, now), 10, limits, now + minute).open).toBeNull();
    expect(watchBreaker(again, flagged(3, now + 2 * minute), 10, limits, now + 2 * minute).open).not.toBeNull();
  });

  it('takes a version for swapped at its first alert, and no old alert for a swap back', () => {
    const first = watchBreaker(closedBreaker, flagged(1, now, 7), 10, limits, now);
    const digest = expect.stringMatching(/^[0-9a-f]{12}$/);
    const one = { atMs: now, workload: digest, pod: digest };
    expect(first.swaps).toEqual([{ track: 'syscall', version: 7, atMs: now, flagged: [one] }]);
    const late = watchBreaker(
      first,
      [...flagged(1, now, 7), sighting({ atMs: now - hour, modelVersion: 6 })],
      10,
      limits,
      now,
    );
    expect(late.swaps).toEqual(first.swaps);
  });

  const told = (sinceMs: number, version = 3) => [{ track: 'syscall', version, sinceMs }];

  it('counts from the swap that the hub tells, not from the first alert: an attack a day later opens nothing', () => {
    const quiet = watchBreaker(closedBreaker, [], 10, limits, now - day, told(now - day));
    expect(quiet.swaps).toEqual([{ track: 'syscall', version: 3, atMs: now - day }]);
    expect(watchBreaker(quiet, flagged(3, now), 10, limits, now, told(now - day)).open).toBeNull();
    expect(watchBreaker(closedBreaker, flagged(3, now), 10, limits, now, told(now - day)).open).toBeNull();
    expect(watchBreaker(closedBreaker, flagged(3, now), 10, limits, now, told(now - minute)).open).not.toBeNull();
  });

  it('takes no alert of a sensor that is behind for a swap back, and a swap back for one when the hub says so', () => {
    const swapped = watchBreaker(closedBreaker, [], 10, limits, now, told(now, 4));
    const behind = watchBreaker(swapped, flagged(3, now + minute, 3), 10, limits, now + minute, told(now, 4));
    expect(behind).toEqual(swapped);
    const back = watchBreaker(behind, [], 10, limits, now + 3 * minute, told(now + 2 * minute, 3));
    expect(back.swaps).toEqual([{ track: 'syscall', version: 3, atMs: now + 2 * minute }]);
  });

  it('watches a version that sensors run and their hub could not load, and goes back with the hub', () => {
    const hub = told(now - day, 3);
    const ahead = watchBreaker(closedBreaker, flagged(2, now, 4), 10, limits, now, hub);
    expect(ahead.swaps).toMatchObject([{ version: 4, atMs: now, flagged: [{}, {}] }]);
    expect(watchBreaker(ahead, flagged(3, now + minute, 4), 10, limits, now + minute, hub).open).toMatchObject({
      version: 4,
    });
    const back = watchBreaker(ahead, [], 10, limits, now + hour, told(now + hour, 3));
    expect(back.swaps).toEqual([{ track: 'syscall', version: 3, atMs: now + hour }]);
  });

  it('keeps the time of a swap when a hub begins anew, and takes the earlier one where it learns of it', () => {
    const known = watchBreaker(closedBreaker, [], 10, limits, now, told(now - 2 * hour));
    expect(watchBreaker(known, [], 10, limits, now, told(now - minute)).swaps).toEqual(known.swaps);
    const guessed = watchBreaker(closedBreaker, flagged(1, now), 10, limits, now);
    expect(watchBreaker(guessed, [], 10, limits, now, told(now - minute)).swaps).toMatchObject([
      { atMs: now - minute, flagged: [{ atMs: now }] },
    ]);
  });

  it('counts whom it saw flagged though the alerts are forgotten, each pod once, until an operator resumes', () => {
    const before = watchBreaker(closedBreaker, flagged(2, now), 1_000, limits, now, told(now - minute));
    expect(before.open).toBeNull();
    // Another agent, or the same one started again, which hears of these two no more.
    const [again, third] = [flagged(1, now + minute), flagged(3, now + minute).slice(2)];
    expect(watchBreaker(before, again, 1_000, limits, now + minute).open).toBeNull();
    const { open } = watchBreaker(before, third, 1_000, limits, now + minute);
    expect(open?.counts).toMatchObject({ flaggedPods: 3, workloads: 3 });
    const looked = resumed(before, now + minute);
    expect(
      watchBreaker(looked, flagged(3, now + 2 * minute).slice(2), 1_000, limits, now + 2 * minute).open,
    ).toBeNull();
  });

  it('opens for no share that grows because a cluster shrinks long after, and still for an alert that comes late', () => {
    const pods = (count: number) => Array.from({ length: count }, (_, n) => sighting({ atMs: now, pod: `web-${n}` }));
    const before = watchBreaker(closedBreaker, pods(4), 100, limits, now, told(now - minute));
    expect(watchBreaker(before, [], 10, limits, now + hour).open?.counts).toMatchObject({ flaggedPods: 4, pods: 10 });
    for (const known of [[], pods(4)]) {
      const quiet = watchBreaker(before, known, 10, limits, now + 9 * day);
      expect(quiet).toEqual(before);
      expect(watchBreaker(quiet, pods(5), 10, limits, now + 9 * day).open?.counts?.flaggedPods).toBe(5);
    }
  });

  it('keeps no more pods in mind than fit on a lease, and counts the others while their alerts are known', () => {
    const many = flagged(flaggedMax + 50, now);
    const wide = { withinMs: hour, workloadsMax: flaggedMax + 49, podShareMax: 1 };
    const kept = watchBreaker(closedBreaker, many.slice(1), 10_000, wide, now);
    expect([kept.open, kept.swaps[0]?.flagged?.length]).toEqual([null, flaggedMax]);
    expect(watchBreaker(kept, many, 10_000, wide, now).open?.counts?.workloads).toBe(flaggedMax + 50);
  });

  it('opens exactly when one version is behind too many workloads, whatever order alerts come in', () => {
    const alert = fc.record({
      atMs: fc.integer({ min: now - 2 * hour, max: now + hour }),
      workload: fc.integer({ min: 0, max: 5 }),
    });
    const swapMs = now - 30 * minute;
    fc.assert(
      fc.property(fc.array(alert, { maxLength: 12 }), fc.boolean(), (alerts, isReversed) => {
        const swapped = swappedAt(swapMs);
        const all = alerts.map(({ atMs, workload }) =>
          sighting({ atMs, workload: `w${workload}`, pod: `w${workload}-1` }),
        );
        const { open } = watchBreaker(swapped, isReversed ? all.toReversed() : all, 10_000, limits, now);
        const since = alerts.filter(({ atMs }) => Math.min(atMs, now) >= swapMs);
        expect(open !== null).toBe(new Set(since.map(({ workload }) => workload)).size > limits.workloadsMax);
      }),
    );
  });
});
