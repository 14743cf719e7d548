const fromMs = Date.UTC(2000, 0, 1);
const beforeMs = Date.UTC(2100, 0, 1);

/**
 * Whether a sensor can have meant a time, in milliseconds since 1970. A clock that was never set, or a field that was left
 * empty, says 1970; what lies far ahead is a mistake or a lie, and whoever believed it would take all the rest for late.
 * false for NaN.
 */
export function isPlausibleTime(ms: number): boolean {
  return ms >= fromMs && ms < beforeMs;
}

/** The same of a set that was recorded, whose times may count from its beginning, or from before it. */
export function isRecordedTime(ms: number): boolean {
  return Math.abs(ms) < beforeMs;
}
