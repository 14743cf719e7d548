import { isoTimeMs } from '../../../base/text/iso-time.ts';
import { isPlausibleTime } from '../../events/plausible-time.ts';

/**
 * Milliseconds since 1970 of a line's time, of all formats: ISO, seconds since 1970 as NGINX's `$msec`, or milliseconds. NaN for
 * none of them, and for times that no proxy can have meant.
 */
export function timeOfLine(text: string): number {
  // Nearly every time: a year and a dash.
  if (text.charCodeAt(4) === 45) return plausible(isoTimeMs(text, { zoneless: 'utc' }));
  if (/^\d{13}$/.test(text)) return plausible(Number(text));
  return /^\d{10}(?:\.\d{1,9})?$/.test(text) ? plausible(Math.round(Number(text) * 1_000)) : Number.NaN;
}

function plausible(ms: number): number {
  return isPlausibleTime(ms) ? ms : Number.NaN;
}
