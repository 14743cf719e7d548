import type { Trace } from '../../client/events/trace.ts';
import { readAll, recordedPath } from '../../lab/data/recorded-traces.ts';

let read: Promise<readonly Trace[]> | undefined;

/** Every trace of the set that ships with the product, read once for all benches that run in this process. */
export function recordedTraces(): Promise<readonly Trace[]> {
  read ??= readAll(recordedPath);
  return read;
}
