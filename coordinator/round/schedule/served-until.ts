import type { EpochMs } from '../../../base/time.ts';

/** Beyond this it was another clock, not one that drifts. */
const aheadMsMax = 10 * 60_000;
/** Longer than between two looks at what is due. */
const lookedBackMs = 60_000;

/** Of a track, as its journal has it. */
export type Served = Readonly<{ servedUntilMs: EpochMs; setRightAtMs?: EpochMs | undefined }>;

/** `setRightAtMs` once an entry of the journal was made at `atMs`. */
export function setRightAfter({ servedUntilMs, setRightAtMs }: Served, atMs: EpochMs): EpochMs | undefined {
  if (!isAhead(servedUntilMs, atMs)) return undefined;
  return setRightAtMs === undefined || isAhead(setRightAtMs, atMs) ? atMs : setRightAtMs;
}

/**
 * From when on a schedule's occurrences count: those before were served. Where that was said by a clock that was ahead, which was set right
 * since, no occurrence would count until that moment comes: those from the first entry by the right clock on do, also those that something
 * holds, or those of the present where there is no entry yet. Once that moment has come it holds again: it may be the later clock that was behind
 * for a while, and what was served is not served again.
 */
export function servedBefore({ servedUntilMs, setRightAtMs }: Served, nowMs: EpochMs): EpochMs {
  if (!isAhead(servedUntilMs, nowMs)) return servedUntilMs;
  return setRightAtMs === undefined || isAhead(setRightAtMs, nowMs) ? nowMs - lookedBackMs : setRightAtMs;
}

function isAhead(ofMs: EpochMs, nowMs: EpochMs): boolean {
  return ofMs > nowMs + aheadMsMax;
}
