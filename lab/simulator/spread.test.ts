import { expect, it } from 'vitest';
import { spread } from './spread.ts';
import type { Sum } from './sum.ts';
import { simulator } from './testing/run-simulator.ts';

const patienceMs = 600_000;
const days = { from: 3, to: 11, step: 2 };

it(
  'days in two processes come to what they come to in one',
  async () => {
    const lines: string[] = [];
    const [sum, alone] = await Promise.all([
      spread(days, 2, (line) => void lines.push(line)),
      simulator('--seeds', '3-11', '--step', '2'),
    ]);
    expect(lines).toEqual([]);
    expect(alone).toHaveLength(1);
    expect(sum).toEqual(JSON.parse(alone[0] as string));
    expect(sum.seeds).toBe(5);
  },
  patienceMs,
);

it(
  'no more days are given once the time is over: what was run is without a gap',
  async () => {
    let asked = 0;
    const sum: Sum = await spread(
      days,
      1,
      () => {},
      () => asked++ >= 1,
    );
    expect(sum.seeds).toBe(2); // A quarter of five, rounded up.
  },
  patienceMs,
);
