import type { EpochMs } from '../../../base/time.ts';

/** Clocks that are set back by less open no round of a schedule a second time. */
const aheadMsMax = 10 * 60_000;
/** Longer than between two looks at what is due. */
const lookedBackMs = 60_000;

/**
 * The same, once an entry of the journal was made at `atMs`: where it was said by a clock that was ahead, which was set right since, a
 * schedule goes on from the first such entry. So a run that something holds from then on is not forgotten when that ends.
 */
export function setRight(servedUntilMs: EpochMs, atMs: EpochMs): EpochMs {
  return servedUntilMs > atMs + aheadMsMax ? atMs : servedUntilMs;
}

/**
 * From when on a schedule's occurrences count: those before were served. Where that was said by a clock that was ahead, which was set right
 * since, and no entry was made (`setRight`), no occurrence would count until that moment comes: those of the present do.
 */
export function servedBefore(servedUntilMs: EpochMs, nowMs: EpochMs): EpochMs {
  return setRight(servedUntilMs, nowMs) === servedUntilMs ? servedUntilMs : nowMs - lookedBackMs;
}
