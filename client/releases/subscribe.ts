import { type Fault, refuse } from '../../base/fault.ts';
import type { Timers } from '../../base/time.ts';
import { faultOfError } from '../../proto/call.ts';
import type { ReleasesClient, SubscribeResponse } from '../../proto/generated/testudo/v1/releases.ts';
import type { TrackId } from '../../proto/ids.ts';

export type SubscribeOptions = Readonly<{
  tracks: readonly TrackId[];
  rootVersion: number;
  /** The metadata in force comes at once: a coordinator that takes longer is not one. */
  firstMsMax: number;
  /** The timestamp is signed anew every hour: a stream that is silent for much longer is dead, or kept quiet. */
  silenceMsMax: number;
  /** A stream of more messages than this within a minute is hung up on. */
  perMinuteMax: number;
  signal: AbortSignal;
  timers: Timers;
  onMessage: (message: SubscribeResponse) => void;
}>;

const minuteMs = 60_000;

/** Follows the stream of release metadata until it fails, ends, falls silent or floods, and says why. Never throws. */
export function subscribe(client: ReleasesClient, options: SubscribeOptions): Promise<Fault> {
  return new Promise((resolve) => {
    const { tracks, rootVersion, firstMsMax, silenceMsMax, perMinuteMax, signal, timers } = options;
    const call = client.subscribe({ tracks: [...tracks], rootVersion });
    let fault: Fault | undefined;
    const endWith = (reason: Fault) => {
      fault ??= reason;
      call.cancel();
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
    const finish = (reason: Fault) => {
      timers.cancel(silence);
      signal.removeEventListener('abort', abort);
      resolve(fault ?? reason);
    };
    call.on('data', (message: SubscribeResponse) => {
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
    });
    call.on('error', (error) => finish(faultOfError(error)));
    call.on('end', () => finish(refuse('SUBSCRIBE_ENDED', 'the coordinator ended the stream').fault));
  });
}

/** The cluster's labels, as the coordinator has them. */
export function labelsOf({ labels }: SubscribeResponse): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map(({ key, value }) => [key, value]));
}
