import { describe, expect, it } from 'vitest';
import { counterCount } from './edge-totals.ts';
import { IntervalRows, noNames, type Seen } from './interval-rows.ts';

const unseen = (): Seen => ({ firstMs: Infinity, lastMs: -Infinity, routes: noNames, labels: noNames });

describe('IntervalRows', () => {
  it('keeps what every row counted while it grows, and begins at 0 again', () => {
    const rows = new IntervalRows<string>();
    for (let pass = 0; pass < 2; pass++) {
      for (let edge = 0; edge < 1_000; edge++) {
        const row = rows.append(`edge ${edge}`);
        rows.counters[row * counterCount + 1] = (rows.counters[row * counterCount + 1] as number) + edge;
        rows.see(row, edge, edge % 2 === 0 ? `/r${edge}` : '', '');
      }
      for (const [row, edge] of rows.edges.entries()) {
        const totals = new Float64Array(counterCount).fill(5);
        rows.addTo(totals, row, 1);
        expect([edge, totals[1], totals[2]]).toEqual([`edge ${row}`, 5 + row, 5]);
        rows.addTo(totals, row, -1);
        expect(totals[1]).toBe(5);
        const seen = unseen();
        rows.collect(row, seen);
        expect(seen).toEqual({
          firstMs: row,
          lastMs: row,
          routes: new Set(row % 2 === 0 ? [`/r${row}`] : []),
          labels: new Set(),
        });
      }
      rows.clear();
    }
  });

  it('gives back room that an interval did not need', () => {
    const rows = new IntervalRows<number>();
    for (let edge = 0; edge < 10_000; edge++) rows.append(edge);
    rows.clear();
    const [busy] = [rows.counters.length];
    rows.append(0);
    rows.clear();
    expect(busy).toBeGreaterThanOrEqual(10_000 * counterCount);
    expect(rows.counters.length).toBeLessThan(busy / 100);
  });

  it('puts what several intervals saw together, up to a bound', () => {
    const [one, other] = [new IntervalRows<number>(), new IntervalRows<number>()];
    for (let at = 0; at < 50; at++) {
      for (const [rows, name] of [
        [one, 'a'],
        [other, 'b'],
      ] as const) {
        if (at === 0) rows.append(0);
        rows.see(0, name === 'a' ? at : 100 + at, `/${name}${at}`, name);
      }
    }
    const seen = unseen();
    one.collect(0, seen);
    other.collect(0, seen);
    expect(seen).toMatchObject({ firstMs: 0, lastMs: 149, labels: new Set(['a', 'b']) });
    expect(seen.routes.size).toBe(64);
  });
});
