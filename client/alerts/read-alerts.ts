import { newestLines } from '../../base/text/newest-lines.ts';
import { type Alert, alertIn } from '../scoring/alert.ts';

/** The alerts of a file, newest first: it is read from its end, so far as they are asked for. Lines that are none are passed over. */
export async function* newestAlerts(path: string): AsyncGenerator<Alert> {
  for await (const line of newestLines(path)) {
    const alert = alertIn(line);
    if (alert !== undefined) yield alert;
  }
}
