import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hoursAt } from '../../../../client/response/rotation/hours.ts';
import { type DrillRule, nextTurn, turnsBetween } from './due-times.ts';

const dayMs = 86_400_000;
const start = Date.parse('2026-11-02T00:00:00Z'); // A Monday.
const key = Buffer.alloc(32, 7);
const rule: DrillRule = { key, drills: ['one', 'two'], periodMs: dayMs, windows: [] };

describe('turns of drills', () => {
  it('come once for each drill and period, the same for the same key whenever they are asked for', () => {
    const turns = turnsBetween(rule, start - 1, start + 20 * dayMs - 1);
    expect(turns).toHaveLength(40);
    const places = new Set(turns.map(({ drill, atMs }) => `${drill} ${Math.floor(atMs / dayMs)}`));
    expect(places.size).toBe(40);
    let nowMs = start - 1;
    for (const turn of turns) {
      expect(nextTurn(rule, nowMs)).toEqual(turn);
      nowMs = turn.atMs;
    }
  });

  it('are spread over the whole period, and another key spreads them otherwise', () => {
    const of = (one: DrillRule) => turnsBetween(one, start - 1, start + 500 * dayMs).map(({ atMs }) => atMs % dayMs);
    const quarters = Map.groupBy(of(rule), (ms) => Math.floor((4 * ms) / dayMs));
    // 1,000 draws, 250 expected in each; less than 200 or more than 300 comes once in thousands of keys, and the key is fixed.
    for (const quarter of [0, 1, 2, 3]) expect(Math.abs((quarters.get(quarter)?.length ?? 0) - 250)).toBeLessThan(50);
    const other = of({ ...rule, key: Buffer.alloc(32, 8) });
    expect(of(rule).filter((ms, at) => ms === other[at])).toEqual([]);
  });

  it('begin within the hours alone, and never where there are none', () => {
    const clock = fc
      .integer({ min: 0, max: 47 })
      .map((half) => `${String(half >> 1).padStart(2, '0')}:${half % 2 ? '30' : '00'}`);
    const window = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      from: clock,
      to: clock,
    });
    fc.assert(
      fc.property(
        fc.array(window, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 100 }),
        (windows, hours) => {
          const timed = { ...rule, windows, periodMs: hours * 3_600_000 };
          const turns = turnsBetween(timed, start, start + 14 * dayMs);
          expect(turns.length).toBeGreaterThan(0);
          for (const { atMs } of turns) expect(hoursAt({ windows, freezes: [] }, atMs).closed).toBeNull();
        },
      ),
      { numRuns: 50 },
    );
  });
});
