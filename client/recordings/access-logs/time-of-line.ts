import { isPlausibleTime } from '../../events/plausible-time.ts';

/**
 * Milliseconds since 1970 of a line's time, of all formats: ISO, seconds since 1970 as NGINX's `$msec`, or milliseconds. NaN for
 * none of them, for times that no proxy can have meant, and for days and hours that there are none of: `Date.parse` makes the
 * third of March of the 31st of February.
 */
export function timeOfLine(text: string): number {
  // Nearly every time: a year and a dash.
  if (text.charCodeAt(4) !== 45) {
    if (/^\d{13}$/.test(text)) return plausible(Number(text));
    return /^\d{10}(?:\.\d{1,9})?$/.test(text) ? plausible(Math.round(Number(text) * 1_000)) : Number.NaN;
  }
  const [, year, month, day, hour = '00'] = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):|$)/.exec(text) ?? [];
  const isThere = Number(hour) < 24 && Number(day) <= daysOf(Number(year), Number(month));
  return isThere ? plausible(Date.parse(text)) : Number.NaN;
}

function plausible(ms: number): number {
  return isPlausibleTime(ms) ? ms : Number.NaN;
}

/** NaN where there is no such month. */
function daysOf(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [Number.NaN, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? Number.NaN;
}
