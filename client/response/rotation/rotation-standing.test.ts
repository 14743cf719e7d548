import { expect, it } from 'vitest';
import { madeAtMs, madePod } from '../testing/made-facts.ts';
import { rotationConfig } from './rotation-config.ts';
import { RotatedPods, rotationStanding } from './rotation-standing.ts';

const hourMs = 3_600_000;
const config = rotationConfig.parse({
  mode: 'rotate',
  windows: [{ days: [1, 2, 3, 4, 5, 6, 7], from: '22:00', to: '04:00' }],
});

it('counts rotations of a day and pods by the rule that holds them, and says nothing of when one is due', () => {
  const rotated = new RotatedPods(madeAtMs);
  for (const hour of [1, 2, 30]) rotated.add(madeAtMs + hour * hourMs);
  const dueMs = madeAtMs + 31.456 * hourMs;
  const waits = (['PDB', 'WINDOW', 'PDB'] as const).map((reason, at) => ({ pod: madePod(`web-${at}`), dueMs, reason }));
  const breaches = waits.slice(1, 2).map((one) => ({ ...one, overMs: 60_000 }));
  const nowMs = madeAtMs + 32 * hourMs;
  const seen = { atMs: nowMs, begins: [], waits, breaches, inFlight: 1 };
  const standing = rotationStanding(config, seen, rotated, nowMs);
  expect(standing).toEqual({
    ...{ mode: 'rotate', inFlightCount: 1, rotatedCount: 1, countedSinceMs: BigInt(madeAtMs + 8 * hourMs) },
    lastAtMs: BigInt(madeAtMs + 30 * hourMs),
    waiting: [
      { reason: 'WINDOW', count: 1 },
      { reason: 'PDB', count: 2 },
    ],
    overBound: [{ reason: 'WINDOW', count: 1 }],
    ...{ calendar: 'WINDOW', calendarUntilMs: BigInt(madeAtMs + 46 * hourMs) },
  });
  // Whoever knew due times could leave a pod before it goes.
  const text = JSON.stringify(standing, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  expect(text).not.toContain(String(dueMs));
  expect(text).not.toContain('web-');
});

it('says what the calendar says while nothing was looked at yet', () => {
  const always = rotationConfig.parse({ mode: 'observe' });
  expect(rotationStanding(always, null, new RotatedPods(madeAtMs), madeAtMs + 1)).toMatchObject({
    ...{
      mode: 'observe',
      inFlightCount: 0,
      rotatedCount: 0,
      lastAtMs: 0n,
      waiting: [],
      calendar: '',
      calendarUntilMs: 0n,
    },
  });
});
