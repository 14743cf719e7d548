import { expect, it } from 'vitest';
import { checkThat, notMeasured } from '../report.ts';
import { type Entry, outcomeOf } from './history.ts';
import { sensitivityOf, wilsonInterval } from './sensitivity.ts';

it("gives Wilson's interval, which is wide where little was tried and never leaves 0 to 1", () => {
  // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 1998, table I.
  for (const [hits, tries, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const [from, to] = wilsonInterval(hits, tries);
    expect([from.toFixed(4), to.toFixed(4)]).toEqual([low.toFixed(4), high.toFixed(4)]);
  }
  expect(wilsonInterval(3, 3)[1]).toBe(1);
});

it('counts by drill and week, and what nobody could see on neither side', () => {
  const entry = (at: string, outcome: Entry['outcome'], drill = 'one'): Entry => ({ at, drill, outcome, because: '' });
  const rows = sensitivityOf(
    [
      entry('2026-11-08T23:59:59.999Z', 'missed'), // A Sunday.
      entry('2026-11-09T00:00:00.000Z', 'found'),
      entry('2026-11-15T10:00:00.000Z', 'not measurable'),
      entry('2026-11-10T10:00:00.000Z', 'not measurable', 'two'),
    ],
    'week',
  );
  expect(
    rows.map(({ drill, from, found, missed, blind, share }) => [drill, from, found, missed, blind, share]),
  ).toEqual([
    ['one', '2026-11-02', 0, 1, 0, 0],
    ['one', '2026-11-09', 1, 0, 1, 1],
    ['two', '2026-11-09', 0, 0, 1, null],
  ]);
});

it('finds nothing in a run of which a part was not seen, and misses with one thing that did not hold', () => {
  const [good, bad, blind] = [
    checkThat('a', '', '', true),
    checkThat('b', '', 'x', false),
    notMeasured('c', '', 'dark'),
  ];
  expect(outcomeOf([good, good])).toEqual({ outcome: 'found', because: '' });
  expect(outcomeOf([good, blind])).toEqual({ outcome: 'not measurable', because: 'c: dark' });
  expect(outcomeOf([good, blind, bad])).toEqual({ outcome: 'missed', because: 'b: x; c: dark' });
  expect(outcomeOf([])).toMatchObject({ outcome: 'not measurable' });
});
