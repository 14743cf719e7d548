import { type Fault, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import type { ReleaseCalls, ReleaseMessage, SubscribeRequest } from './release-calls.ts';

export type SubscribeOptions = SubscribeRequest &
  Readonly<{
    /** The metadata in force comes at once: a coordinator that takes longer is not one. */
    firstMsMax: number;
    /** The timestamp is signed anew every hour: a stream that is silent for much longer is dead, or kept quiet. */
    silenceMsMax: number;
    /** A stream of more messages than this within a minute is hung up on. */
    perMinuteMax: number;
    signal: AbortSignal;
    timers: Timers;
    onMessage: (message: ReleaseMessage) => void;
  }>;

const minuteMs = 60_000;

/** Follows the stream of release metadata until it fails, ends, falls silent or floods, and says why. Never throws. */
export async function subscribe(calls: Pick<ReleaseCalls, 'subscribe'>, options: SubscribeOptions): Promise<Fault> {
  const { tracks, rootVersion, firstMsMax, silenceMsMax, perMinuteMax, signal, timers } = options;
  const ending = new AbortController();
  let fault: Fault | undefined;
  const endWith = (reason: Fault) => {
    fault ??= reason;
    ending.abort();
  };
  const silent = (milliseconds: number) =>
    timers.after(milliseconds, () => {
      endWith(refuse('SUBSCRIBE_SILENT', `no whole message of release metadata for ${milliseconds} ms`).fault);
    });
  let silence = silent(firstMsMax);
  let minuteEndsMs = timers.monotonicMs() + minuteMs;
  let inMinute = 0;
  const abort = () => endWith(refuse('STOPPED', 'this client is stopping').fault);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const onMessage = (message: ReleaseMessage) => {
    if (fault !== undefined) return;
    timers.cancel(silence);
    silence = silent(silenceMsMax);
    if (timers.monotonicMs() > minuteEndsMs) {
      minuteEndsMs = timers.monotonicMs() + minuteMs;
      inMinute = 0;
    }
    inMinute += 1;
    if (inMinute > perMinuteMax) {
      endWith(refuse('SUBSCRIBE_FLOODED', `more than ${perMinuteMax} messages within a minute`).fault);
    } else options.onMessage(message);
  };
  const ended = await calls.subscribe({ tracks, rootVersion }, { signal: ending.signal, onMessage });
  timers.cancel(silence);
  signal.removeEventListener('abort', abort);
  return fault ?? ended;
}
