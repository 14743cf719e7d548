/**
 * Times that others wrote. `Date.parse` makes the second of March of the 30th of February, takes what its engine happens to know
 * beside ISO 8601, and a time without a zone as this machine's.
 */

const dash = 0x2d;
const colon = 0x3a;

/**
 * Milliseconds since 1970 of a time by ISO 8601, "2026-11-29T21:00:00.123Z": a blank may stand in the place of "T"; seconds and their
 * fraction, of which thousandths are kept, may be missing, and so may the whole time of day. `zoneless`: what a time
 * without a zone is; a date alone is its midnight in UTC. NaN for anything else, and for days, hours and minutes that there are none of.
 */
export function isoTimeMs(text: string, { zoneless }: Readonly<{ zoneless: 'utc' | 'refused' }>): number {
  if (text.charCodeAt(4) !== dash || text.charCodeAt(7) !== dash) return Number.NaN;
  const [year, month, day] = [digitsAt(text, 0, 4), digitsAt(text, 5, 2), digitsAt(text, 8, 2)];
  if (text.length === 10) return utcTimeMs(year, month, day);
  if (!'Tt '.includes(text.charAt(10)) || text.charCodeAt(13) !== colon) return Number.NaN;
  const [hour, minute] = [digitsAt(text, 11, 2), digitsAt(text, 14, 2)];
  let [at, second, millisecond] = [16, 0, 0];
  if (text.charCodeAt(at) === colon) {
    second = digitsAt(text, 17, 2);
    at = 19;
    if (text.charAt(at) === '.') {
      const from = at + 1;
      for (at = from; isDigit(text.charCodeAt(at)); ) at++;
      if (at === from) return Number.NaN;
      millisecond = Number(text.slice(from, Math.min(at, from + 3)).padEnd(3, '0'));
    }
  }
  return utcTimeMs(year, month, day, hour, minute, second, millisecond) - zoneMs(text.slice(at), zoneless);
}

/** Milliseconds since 1970 of a time in UTC; NaN where there is no such day or time of day. `Date.UTC` counts on into the next. */
export function utcTimeMs(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  millisecond = 0,
): number {
  // Below 100 `Date.UTC` means years of the twentieth century.
  const isDay = year >= 100 && day >= 1 && day <= daysOf(year, month);
  const isTime = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 60;
  return isDay && isTime ? Date.UTC(year, month - 1, day, hour, minute, second, millisecond) : Number.NaN;
}

/** How far a zone is ahead of UTC; NaN for what is none. */
function zoneMs(text: string, zoneless: 'utc' | 'refused'): number {
  if (text === 'Z' || text === 'z') return 0;
  if (text === '') return zoneless === 'utc' ? 0 : Number.NaN;
  const [, sign, hours = '', minutes = '00'] = /^([+-])([01]\d|2[0-3]):?([0-5]\d)?$/.exec(text) ?? [];
  if (sign === undefined || text.endsWith(':')) return Number.NaN;
  const ahead = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -ahead : ahead;
}

/** NaN where one of them is no digit. */
function digitsAt(text: string, at: number, count: number): number {
  let value = 0;
  for (let next = at; next < at + count; next++) {
    const code = text.charCodeAt(next);
    if (!isDigit(code)) return Number.NaN;
    value = value * 10 + code - 0x30;
  }
  return value;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** NaN where there is no such month. */
function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [Number.NaN, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? Number.NaN;
}
