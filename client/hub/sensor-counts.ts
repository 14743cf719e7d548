import type { TrackId } from '../../proto/ids.ts';
import type { SensorCounts } from '../alerts/alert-teller.ts';
import type { KnownSensor } from './sensor-book.ts';

/**
 * How the sensors are, in numbers. Behind is where another version of a track scores than at the hub; a sensor that has not said what it
 * runs is not counted so: it has just come.
 */
export function sensorCounts(
  sensors: readonly Pick<KnownSensor, 'status' | 'releases'>[],
  versionOf: (track: TrackId) => number | undefined,
): SensorCounts {
  const that = (holds: (sensor: Pick<KnownSensor, 'status' | 'releases'>) => boolean) => sensors.filter(holds).length;
  return {
    count: sensors.length,
    sampled: that(({ status }) => status?.step === 'sampled'),
    dangerous: that(({ status }) => status?.step === 'dangerous'),
    behind: that(({ releases }) =>
      [...releases].some(([track, { version }]) => {
        const ours = versionOf(track as TrackId);
        return ours !== undefined && ours !== version;
      }),
    ),
    blind: that(({ status }) => (status?.blind.length ?? 0) > 0),
  };
}

/** Sensors that were here before come back within it: each delivers several times a minute, and meets a new hub at its next try. */
const gatheringMs = 60_000;

/** What is told of them. A hub that has just started and has seen none does not know yet: that is no word of none. */
export function toldCounts(counts: SensorCounts, upForMs: number): SensorCounts | undefined {
  return counts.count === 0 && upForMs < gatheringMs ? undefined : counts;
}
