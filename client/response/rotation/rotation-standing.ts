import type { EpochMs } from '../../../base/time.ts';
import type { RotationStanding } from '../../../proto/generated/testudo/v1/responses.ts';
import { hoursAt } from './hours.ts';
import { type Reason, reasons } from './reasons.ts';
import type { Seen } from './rotation.ts';
import type { RotationConfig } from './rotation-config.ts';

const dayMs = 86_400_000;
/** More than a cluster of ten thousand pods rotates in a day. */
const keptMax = 100_000;

/** How many pods were evicted to be replaced within a day, as far as this run of the agent did it. */
export class RotatedPods {
  readonly #sinceMs: EpochMs;
  #atMs: EpochMs[] = [];

  constructor(sinceMs: EpochMs) {
    this.#sinceMs = sinceMs;
  }

  add(atMs: EpochMs): void {
    this.#atMs.push(atMs);
    if (this.#atMs.length > keptMax) this.#atMs = this.#atMs.slice(-keptMax / 2);
  }

  at(nowMs: EpochMs): Readonly<{ count: number; sinceMs: EpochMs; lastMs: EpochMs }> {
    const sinceMs = Math.max(this.#sinceMs, nowMs - dayMs);
    const last = this.#atMs.at(-1) ?? 0;
    this.#atMs = this.#atMs.filter((atMs) => atMs >= nowMs - dayMs);
    return { count: this.#atMs.length, sinceMs, lastMs: last };
  }
}

/** Counts by reason, in their order: what the coordinator hears. No due time is in it, nor what follows from one. */
export function rotationStanding(
  config: RotationConfig,
  seen: Seen | null,
  rotated: RotatedPods,
  nowMs: EpochMs,
): RotationStanding {
  const { closed, untilMs } = hoursAt(config, nowMs);
  const { count, sinceMs, lastMs } = rotated.at(nowMs);
  return {
    ...{ mode: config.mode, inFlightCount: seen?.inFlight ?? 0, rotatedCount: count },
    // To the hour: a day that moves with the clock is no news.
    countedSinceMs: BigInt(sinceMs - (sinceMs % 3_600_000)),
    lastAtMs: BigInt(Math.round(lastMs)),
    waiting: byReason(seen?.waits ?? []),
    overBound: byReason(seen?.breaches ?? []),
    calendar: closed ?? '',
    calendarUntilMs: BigInt(Math.round(untilMs ?? 0)),
  };
}

function byReason(waits: readonly Readonly<{ reason: Reason }>[]) {
  return reasons
    .map((reason) => ({ reason, count: waits.filter((one) => one.reason === reason).length }))
    .filter(({ count }) => count > 0);
}
