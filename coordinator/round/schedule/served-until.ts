import type { EpochMs } from '../../../base/time.ts';

/** Clocks that are set back by less open no round of a schedule a second time. */
const aheadMsMax = 10 * 60_000;
/** Longer than between two looks at what is due. */
const lookedBackMs = 60_000;

/**
 * From when on a schedule's occurrences count: those before were served. Where that was said by a clock that was ahead, which was set right
 * since, no occurrence would count until that moment comes: those of the present do.
 */
export function servedBefore(servedUntilMs: EpochMs, nowMs: EpochMs): EpochMs {
  return servedUntilMs > nowMs + aheadMsMax ? nowMs - lookedBackMs : servedUntilMs;
}
