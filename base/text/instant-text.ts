/** What ECMAScript's dates reach, either way of 1970. */
const datesMaxMs = 8.64e15;

/** A time in UTC, ISO 8601 to the millisecond; where it comes from a stranger it may be one that no date has, and is then its number. Never throws. */
export function instantText(ms: number): string {
  return Math.abs(ms) <= datesMaxMs ? new Date(ms).toISOString() : `${ms} ms`;
}
