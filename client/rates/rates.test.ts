import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedFlow } from '../events/flow-record.ts';
import type { RateFact } from '../events/rate-fact.ts';
import { cauchyCombined } from './cauchy.ts';
import { flowFacts } from './flow-facts.ts';
import { normalTail } from './normal-tail.ts';
import { studentTail } from './student-tail.ts';
import { tailOf, type Usual, usualOf } from './usual.ts';
import { defaultRates, rateText, WorkloadRates } from './workload-rates.ts';

const minute = 60_000;
const hour = 60 * minute;

function fact(measure: RateFact['measure'], more: Partial<RateFact> = {}): RateFact {
  return { workload: 'shop/sshd', measure, shape: '', peer: '', amount: 1, ...more };
}

const login = fact('sessions alike', { shape: 'port 22, about 1,447 B answered', peer: 'world /' });

/** So many facts a minute from a minute on, evenly. */
function hear(rates: WorkloadRates, perMinute: readonly number[], what = login, fromMs = 0): void {
  for (const [at, count] of perMinute.entries()) {
    for (let one = 0; one < count; one++) rates.hear([what], fromMs + (at + one / count) * minute);
    if (count === 0) rates.hear([], fromMs + at * minute);
  }
}

function pOf(rates: WorkloadRates, atMs: number, what = login): number | undefined {
  return rates.unusual([what], [], atMs)?.p;
}

describe('cauchyCombined', () => {
  it('keeps a single value, and one small value among large ones small', () => {
    for (const p of [0.9, 0.5, 0.01, 1e-5, 1e-9]) expect(cauchyCombined([p]) / p).toBeCloseTo(1, 4);
    expect(cauchyCombined([1e-6, 0.5, 0.5, 0.5])).toBeCloseTo(4e-6, 8);
    expect(cauchyCombined([])).toBe(1);
  });

  it('holds its level for values that say the same', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-8, max: 0.99, noNaN: true }), (p) => {
        expect(cauchyCombined([p, p, p]) / p).toBeCloseTo(1, 3);
      }),
    );
  });
});

describe('usualOf', () => {
  it('agrees with tables of the normal distribution', () => {
    expect(normalTail(0)).toBeCloseTo(0.5, 6);
    expect(normalTail(1.96)).toBeCloseTo(0.024998, 5);
    expect(normalTail(-1.96)).toBeCloseTo(0.975002, 5);
    expect(normalTail(6) / 9.8659e-10).toBeCloseTo(1, 4);
  });

  it("agrees with tables of Student's distribution, whose tail is heavier the fewer intervals it rests on", () => {
    const ofTables = [
      [1.833, 9, 0.05],
      [2.821, 9, 0.01],
      [4.781, 9, 0.0005],
      [2.539, 19, 0.01],
      [3.883, 19, 0.0005],
      [3.46, 60, 0.0005],
    ] as const;
    for (const [t, degrees, share] of ofTables) {
      expect(studentTail(t, degrees) / share).toBeCloseTo(1, 1);
      expect(studentTail(-t, degrees)).toBeCloseTo(1 - share, 3);
    }
    expect(studentTail(0, 9)).toBeCloseTo(0.5, 6);
    // The same burst, for a workload of ten minutes and of two hours.
    const burst = (intervals: number) => tailOf(usualOf(Array(intervals).fill(4), 'count') as Usual, 16);
    expect(burst(10)).toBeGreaterThan(20 * burst(120));
  });

  it('is little moved by a burst among many quiet intervals, and calls no burst unusual where bursts are usual', () => {
    const quiet = Array.from({ length: 60 }, (_, at) => 4 + (at % 3));
    const p = (history: readonly number[]) => tailOf(usualOf(history, 'count') as Usual, 30);
    expect(p(quiet)).toBeLessThan(1e-7);
    expect(p([...quiet, 500])).toBeLessThan(1e-7);
    expect(p(Array.from({ length: 60 }, (_, at) => (at % 6 === 0 ? 40 : 4)))).toBeGreaterThan(0.05);
  });

  it('takes amounts by their factor: twice as much is nothing, a hundred times is', () => {
    const usual = usualOf(Array(10).fill([1_000, 1_200, 900, 1_500, 800, 1_100]).flat(), 'amount') as Usual;
    expect(tailOf(usual, 2_000)).toBeGreaterThan(0.1);
    expect(tailOf(usual, 100_000)).toBeLessThan(1e-6);
  });
});

describe('WorkloadRates', () => {
  it('says nothing before it has seen ten whole minutes, and that a burst is unusual then', () => {
    const rates = new WorkloadRates();
    hear(rates, Array(9).fill(1));
    expect(pOf(rates, 8.9 * minute)).toBeUndefined();
    hear(rates, Array(11).fill(1), login, 9 * minute);
    expect(pOf(rates, 19.9 * minute)).toBeGreaterThan(0.3);
    hear(rates, [20], login, 20 * minute);
    const found = rates.unusual([login], [], 20.99 * minute);
    expect(found?.p).toBeLessThan(1e-5);
    expect(found?.unusual[0]).toMatchObject({
      measure: 'sessions alike',
      count: 20,
      median: 1,
      high: 1,
      intervals: 20,
    });
    expect(rateText((found as NonNullable<typeof found>).unusual[0] as never, minute)).toBe(
      'shop/sshd: 20 sessions alike (port 22, about 1,447 B answered) from world / within a minute; ' +
        'usual are 1, and no more than 1 in nine of ten (of 20)',
    );
  });

  it('knows of a shape that never came that it never came', () => {
    const rates = new WorkloadRates();
    hear(rates, Array(30).fill(2));
    const failed = { ...login, shape: 'port 22, about 90 B answered' };
    for (let one = 0; one < 6; one++) rates.hear([failed], 30.5 * minute);
    expect(pOf(rates, 30.5 * minute, failed)).toBeLessThan(0.001);
    // What does not happen just now is not unusual.
    expect(pOf(rates, 31.5 * minute, login)).toBeUndefined();
  });

  it('finds the same burst again: one that was unusual does not make the next one usual', () => {
    const rates = new WorkloadRates();
    hear(rates, [...Array(30).fill(1), 40, ...Array(20).fill(1), 40]);
    expect(pOf(rates, 51.99 * minute)).toBeLessThan(1e-5);
  });

  it('lets an hour of the day be its own measure once earlier days have shown it, and not before', () => {
    const day = Array.from({ length: 24 * 60 }, (_, at) => (at >= 120 && at < 180 ? 30 : 1));
    const first = new WorkloadRates();
    hear(first, day.slice(0, 121));
    expect(pOf(first, 120.99 * minute)).toBeLessThan(1e-5);
    const later = new WorkloadRates();
    hear(later, [...day, ...day.slice(0, 121)]);
    expect(pOf(later, (24 * 60 + 120.99) * minute)).toBeGreaterThan(0.05);
    // The same at an hour that never had it.
    const other = new WorkloadRates();
    hear(other, [...day, ...day.slice(0, 60), 30]);
    expect(pOf(other, (24 * 60 + 60.99) * minute)).toBeLessThan(1e-5);
  });

  it('counts peers that are new, each once, and asks only those to whom it matters', () => {
    const rates = new WorkloadRates();
    const peer = (key: string) => fact('new peers', { key });
    for (let at = 0; at < 30; at++) rates.hear(['db', 'cache'].map(peer), at * minute);
    for (let one = 0; one < 12; one++) rates.hear([peer('db'), peer(`scanned ${one}`)], 30.5 * minute);
    const ask = (key: string) =>
      rates.unusual([], [{ workload: 'shop/sshd', measures: ['new peers'], key }], 30.6 * minute);
    expect(ask('scanned 3')?.unusual[0]).toMatchObject({ count: 12, median: 0 });
    expect(ask('scanned 3')?.p).toBeLessThan(1e-5);
    expect(ask('db')).toBeUndefined();
  });

  it('tells sessions of one peer from those of another', () => {
    const rates = new WorkloadRates();
    const of = (peer: string) => ({ ...login, peer });
    hear(rates, Array(30).fill(1), of('workload shop/web'));
    for (let one = 0; one < 15; one++) rates.hear([of('world /')], 30.5 * minute);
    rates.hear([of('workload shop/web')], 30.5 * minute);
    const ask = (peer: string) =>
      rates.unusual([], [{ workload: 'shop/sshd', measures: ['sessions alike'], peer }], 30.6 * minute);
    expect(ask('world /')?.p).toBeLessThan(1e-5);
    expect(ask('workload shop/web')?.p).toBeGreaterThan(0.1);
  });

  it('forgets who has been quiet longest, and keeps within its bounds whatever names come', () => {
    const rates = new WorkloadRates({ ...defaultRates, seriesMax: 100 });
    for (let one = 0; one < 1_000; one++) rates.hear([{ ...login, workload: `shop/w${one}` }], one * 10);
    expect(rates.seriesCount).toBe(100);
    for (let one = 0; one < 1_000; one++) rates.hear([{ ...login, shape: `s${one}` }], hour + one * 10);
    expect(rates.seriesCount).toBeLessThanOrEqual(229);
  });

  it('finds a burst after times that go back, stand still and jump', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e6, max: 1e9 }), { maxLength: 60 }), (times) => {
        const rates = new WorkloadRates();
        for (const nowMs of times) {
          const atMs = rates.timeOf(nowMs, nowMs);
          rates.hear([login], atMs);
          const p = pOf(rates, atMs) ?? 0.5;
          expect(p).toBeGreaterThan(0);
          expect(p).toBeLessThanOrEqual(0.5);
        }
        // Whatever the clock did: once it goes right, a minute counts what came in it, and a burst is found.
        for (let at = 0; at <= 12; at++) rates.hear([login], rates.timeOf(at * minute, at * minute));
        for (let one = 0; one < 500; one++) rates.hear([login], 13 * minute);
        const [found] = rates.unusual([login], [], 13 * minute)?.unusual ?? [];
        expect(found?.count).toBe(500);
        expect(found?.p).toBeLessThan(1e-3);
      }),
    );
  });
});

describe('flowFacts', () => {
  const flow: ObservedFlow = {
    atMs: 1,
    node: '',
    id: '',
    source: { kind: 'workload', namespace: 'shop', workload: 'web' },
    destination: { kind: 'workload', namespace: 'shop', workload: 'db' },
    sourcePort: 40_000,
    destinationPort: 5_432,
    protocol: 'tcp',
    isReply: false,
    seenAt: 'unknown',
    verdict: 'forwarded',
    l7: undefined,
    count: 1,
    volume: { bytesOut: 300, bytesIn: 1_000, packetsOut: 3, packetsIn: 3, durationMs: 5 },
  };
  const told = (one: ObservedFlow) =>
    flowFacts(one).map(({ workload, measure, shape, amount }) => [workload, measure, shape, amount]);

  it('counts a connection for whoever asks and for whoever serves', () => {
    expect(told(flow)).toEqual([
      ['shop/web', 'new peers', '', 1],
      ['shop/web', 'bytes out', '', 300],
      ['shop/db', 'sessions alike', 'port 5432, about 1,023 B answered', 1],
      ['shop/db', 'bytes out', '', 1_000],
    ]);
  });

  it('counts what is seen at both ends once, and a reply as its question', () => {
    const both = [flow, { ...flow, seenAt: 'client' as const }, { ...flow, seenAt: 'server' as const }].map(told);
    expect([...(both[1] ?? []), ...(both[2] ?? [])]).toEqual(both[0]);
    const reply = { ...flow, source: flow.destination, destination: flow.source, isReply: true };
    expect(told(reply)).toEqual([
      ['shop/web', 'bytes out', '', 1_000],
      ['shop/db', 'bytes out', '', 300],
    ]);
  });

  it('counts nothing for everybody outside together', () => {
    const world = { kind: 'world' as const, namespace: '', workload: '' };
    expect(new Set(told({ ...flow, source: world }).map(([workload]) => workload))).toEqual(new Set(['shop/db']));
  });
});
