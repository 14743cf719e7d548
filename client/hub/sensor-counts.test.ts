import { expect, it } from 'vitest';
import type { SensorStatus } from '../../proto/generated/testudo/v1/sensors.ts';
import { sensorCounts, toldCounts } from './sensor-counts.ts';

const sensor = (step: string, version: number | undefined, blind: string[] = []) => ({
  status: { step, blind } as unknown as SensorStatus,
  releases: new Map(version === undefined ? [] : [['syscall', { version, outcome: 'installed', faultCode: '' }]]),
});

it('counts sensors by what they can look at, and those on which another version scores than at the hub', () => {
  const sensors = [
    sensor('full', 7),
    sensor('full', 6),
    sensor('sampled', 7, ['audit']),
    sensor('dangerous', 5),
    sensor('full', undefined),
    { status: undefined, releases: new Map() },
  ];
  const hub = (track: string) => (track === 'syscall' ? 7 : undefined);
  expect(sensorCounts(sensors, hub)).toEqual({ count: 6, sampled: 1, dangerous: 1, behind: 2, blind: 1 });
  expect(sensorCounts(sensors, () => undefined).behind).toBe(0); // The hub runs nothing yet.
});

it('are not told as none by a hub that has just started, and are as soon as one has come', () => {
  const none = sensorCounts([], () => undefined);
  expect(toldCounts(none, 59_999)).toBeUndefined();
  expect(toldCounts(none, 60_000)).toEqual(none);
  const one = sensorCounts([sensor('full', 7)], () => 7);
  expect(toldCounts(one, 0)).toEqual(one);
});
