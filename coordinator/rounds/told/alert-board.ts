import { ok, type Result, refuse } from '../../../base/fault.ts';
import type { EpochMs } from '../../../base/time.ts';
import { isFamily } from '../../../proto/antibody.ts';
import type { ClusterId } from '../../../proto/ids.ts';
import { isTrackId, type TrackId } from '../../../proto/ids.ts';

/** Alerts of one track and family within one hour, as a cluster's client counted them. */
export type AlertCount = Readonly<{ track: TrackId; hourMs: EpochMs; family: string; count: number }>;

/** How a cluster's sensors are, as its hub counted them. */
export type SensorCounts = Readonly<Record<'count' | 'sampled' | 'dangerous' | 'behind' | 'blind', number>>;

const hourMs = 3_600_000;
const hoursKept = 24;
const countsMax = 2_048;
const countMax = 1e9;
const sensorsMax = 1e6;

/**
 * How many alerts each cluster said it had in the last 24 hours, and how its sensors are. In memory alone: clients tell everything anew on each connection. A
 * cluster may say what it likes of itself; nothing but what people see follows from it.
 */
export class AlertBoard {
  readonly #counts = new Map<ClusterId, readonly AlertCount[]>();
  readonly #sensors = new Map<ClusterId, SensorCounts>();

  /** What a cluster tells takes the place of what it told before. */
  hear(
    cluster: ClusterId,
    counts: readonly Readonly<{ track: string; hourMs: number; family: string; count: number }>[],
    nowMs: EpochMs,
    sensors?: SensorCounts,
  ): Result<void, 'REQUEST_INVALID'> {
    if (counts.length > countsMax)
      return refuse('REQUEST_INVALID', `counts: at most ${countsMax}, got ${counts.length}`);
    if (Object.values(sensors ?? {}).some((number) => number > sensorsMax)) {
      return refuse('REQUEST_INVALID', `sensors: each number is at most ${sensorsMax}`);
    }
    const checked: AlertCount[] = [];
    for (const { track, hourMs: startMs, family, count } of counts) {
      if (!isTrackId(track) || !isFamily(family) || count > countMax) {
        return refuse('REQUEST_INVALID', `counts: track and family must be names, and counts at most ${countMax}`);
      }
      if (isRecent(startMs, nowMs)) checked.push({ track, hourMs: startMs, family, count });
    }
    this.#counts.set(cluster, checked);
    if (sensors === undefined) this.#sensors.delete(cluster);
    else this.#sensors.set(cluster, sensors);
    return ok(undefined);
  }

  /** As its hub told last; undefined where it told of none. */
  sensorsOf(cluster: ClusterId): SensorCounts | undefined {
    return this.#sensors.get(cluster);
  }

  /** Of the last 24 hours, by the coordinator's clock. */
  of(cluster: ClusterId, nowMs: EpochMs): readonly AlertCount[] {
    return (this.#counts.get(cluster) ?? []).filter((one) => isRecent(one.hourMs, nowMs));
  }
}

function isRecent(startMs: EpochMs, nowMs: EpochMs): boolean {
  return startMs > nowMs - (hoursKept + 1) * hourMs && startMs <= nowMs + hourMs;
}
